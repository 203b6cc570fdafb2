import { BackupError, listOf, recordOf, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";
import type { Product } from "./version.ts";

/** What a backup remembers for its own restore: `BackupFacts.details`. */
export interface Details {
  readonly product: Product;
  /** Of the RDB in each form, by its name; none where an AOF begins with commands. */
  readonly rdb: Readonly<Record<string, RdbDetails>>;
  readonly aof: {
    /** The last file of the AOF, and how many of its bytes are whole commands: the rest was being written. */
    readonly last: { readonly name: string; readonly complete: number } | null;
  } | null;
  readonly modules: readonly string[];
}

export interface RdbDetails {
  /** Of the RDB format: an older server does not read a newer one. */
  readonly version: number;
  /** When the first key or field expires, in milliseconds since 1970; null where none does. */
  readonly earliestExpiry: number | null;
}

const schema: z.ZodType<Details> = z.strictObject({
  product: z.enum(["redis", "valkey"]),
  rdb: recordOf(z.strictObject({ version: z.int(), earliestExpiry: z.number().nullable() })),
  aof: z.strictObject({ last: z.strictObject({ name: z.string(), complete: z.int() }).nullable() }).nullable(),
  modules: listOf(z.string()),
});

export function detailsAsJson(details: Details): Json {
  return JSON.parse(JSON.stringify(details)) as Json;
}

/** Throws `corrupt` where they are not this adapter's. */
export function detailsOf({ details, id }: Manifest): Details {
  const parsed = schema.safeParse(details);
  if (parsed.success) return parsed.data;
  throw new BackupError(
    "corrupt",
    `the manifest of ${id} lacks what a restore of Redis needs: ${z.prettifyError(parsed.error)}`,
    {
      operation: "redis.details",
      hint: "use another backup (`sutazai-backup list`)",
    },
  );
}
