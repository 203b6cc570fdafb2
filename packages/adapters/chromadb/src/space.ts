import { z } from "zod";

const index = z.looseObject({ space: z.string().nullish() });
const configurationSchema = z.looseObject({ hnsw: index.nullish(), spann: index.nullish() });
const schemaSchema = z.looseObject({
  keys: z.looseObject({
    "#embedding": z.looseObject({ float_list: z.looseObject({ vector_index: z.looseObject({ config: index }) }) }),
  }),
});

/** By what vectors of a collection are compared: `l2`, `cosine` or `ip`. Versions have put it in three places. */
export function spaceOf(schema: unknown, configuration: unknown, legacy: unknown): string {
  const bySchema = schemaSchema.safeParse(schema).data?.keys["#embedding"].float_list.vector_index.config.space;
  const byConfiguration = configurationSchema.safeParse(configuration).data;
  return (
    bySchema ??
    byConfiguration?.hnsw?.space ??
    byConfiguration?.spann?.space ??
    (typeof legacy === "string" ? legacy : "l2")
  );
}
