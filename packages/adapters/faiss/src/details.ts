import { BackupError, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";

/** What a backup remembers: `BackupFacts.details`. */
export interface Details {
  /** The FAISS of the service's image, or `unknown`. */
  readonly library: string;
  /** The setting `exclude` that it was taken with. */
  readonly exclude?: readonly string[] | undefined;
}

const schema: z.ZodType<Details> = z.strictObject({
  library: z.string(),
  exclude: z.array(z.string()).optional(),
});

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
