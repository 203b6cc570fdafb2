import { BackupError, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";

/** What a backup remembers: `BackupFacts.details`. */
export interface Details {
  /** The databases in it, `system` among them where it is, and how many bytes each takes on disk; 0 where that is not known. */
  readonly databases: readonly { readonly name: string; readonly bytes: number }[];
}

const schema: z.ZodType<Details> = z.strictObject({
  databases: z.array(z.strictObject({ name: z.string().min(1), bytes: z.int().nonnegative() })),
});

/** Undefined where they are not this adapter's. */
export function parseDetails(details: Json): Details | undefined {
  return schema.safeParse(details).data;
}

/** Throws `corrupt` where they are not this adapter's. */
export function detailsOf({ details, id }: Manifest): Details {
  const parsed = schema.safeParse(details);
  if (parsed.success) return parsed.data;
  throw new BackupError(
    "corrupt",
    `the manifest of ${id} is not of a backup of Neo4j: ${z.prettifyError(parsed.error)}`,
    {
      operation: "neo4j.details",
      hint: "use another backup (`sutazai-backup list`)",
    },
  );
}
