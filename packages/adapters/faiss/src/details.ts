import { BackupError, listOf, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";

/** What a backup remembers: `BackupFacts.details`. */
export interface Details {
  /** The FAISS of the service's image, or `unknown`. */
  readonly library: string;
  /** The setting `exclude` that it was taken with. */
  readonly exclude?: readonly string[] | undefined;
  /** Of indexes that could be searched when they were captured. */
  readonly neighbours?: readonly IndexNeighbours[] | undefined;
}

/** What an index found near some vectors, by exhaustive search where it can: for each vector the nearest ones, nearest first. */
export interface IndexNeighbours {
  readonly path: string;
  readonly found: readonly (readonly { readonly id: string; readonly score: number }[])[];
}

const schema: z.ZodType<Details> = z.strictObject({
  library: z.string(),
  exclude: z.array(z.string()).optional(),
  neighbours: listOf(
    z.strictObject({
      path: z.string(),
      found: z.array(z.array(z.strictObject({ id: z.string(), score: z.number() }))),
    }),
  ).optional(),
});

export function detailsAsJson(details: Details): Json {
  return z.json().parse(details);
}

/** Throws `corrupt` where they are not this adapter's. */
export function detailsOf({ details, id }: Manifest): Details {
  const parsed = schema.safeParse(details);
  if (parsed.success) return parsed.data;
  throw new BackupError(
    "corrupt",
    `the manifest of ${id} is not of a backup of FAISS: ${z.prettifyError(parsed.error)}`,
    {
      operation: "faiss.details",
      hint: "use another backup (`sutazai-backup list`)",
    },
  );
}
