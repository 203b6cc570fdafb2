import { BackupError, listOf, recordOf, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";

/** What a restore wants to know of a backup before it reads it. */
export interface BackupDetails {
  readonly bootstrapUser: string;
  readonly databases: readonly {
    readonly name: string;
    readonly artifact: string;
    readonly tablespace: string;
    readonly extensions: readonly string[];
    /** `DumpFacts.rest` of its dump. */
    readonly rest: string;
  }[];
  readonly roles: readonly { readonly name: string; readonly superuser: boolean; readonly login: boolean }[];
  readonly tablespaces: readonly string[];
  /** SHA-256 of the artifacts that no fact tells of, by name. */
  readonly digests: Readonly<Record<string, string>>;
}

const schema: z.ZodType<BackupDetails> = z.strictObject({
  bootstrapUser: z.string(),
  databases: listOf(
    z.strictObject({
      name: z.string(),
      artifact: z.string(),
      tablespace: z.string(),
      extensions: listOf(z.string()),
      rest: z.string(),
    }),
  ),
  roles: listOf(z.strictObject({ name: z.string(), superuser: z.boolean(), login: z.boolean() })),
  tablespaces: listOf(z.string()),
  digests: recordOf(z.string()),
});

export function detailsAsJson(details: BackupDetails): Json {
  return z.json().parse(details);
}

/** Undefined for details that this adapter did not write. */
export function parseDetails(details: Json): BackupDetails | undefined {
  return schema.safeParse(details).data;
}

/** Throws `corrupt` for details that this adapter did not write. */
export function readDetails(manifest: Manifest): BackupDetails {
  const parsed = schema.safeParse(manifest.details);
  if (parsed.success) return parsed.data;
  throw new BackupError(
    "corrupt",
    `the manifest of ${manifest.id} lacks what a restore needs: ${z.prettifyError(parsed.error)}`,
    {
      operation: "postgres.restore",
      database: manifest.database,
      hint: "use another backup",
    },
  );
}

export const globalsArtifact = "globals.sql";

/** Names of databases may hold what separates directories. */
export function databaseArtifact(name: string): string {
  return `databases/${name.replaceAll("%", "%25").replaceAll("/", "%2F")}.sql`;
}
