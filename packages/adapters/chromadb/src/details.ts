import { BackupError, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";
import type { DatabaseRef } from "./collections.ts";

export const dataArtifact = "data.tar";
export const catalogArtifact = "catalog.json";

/** A collection as an export holds it. */
export interface ExportedCollection extends DatabaseRef {
  readonly name: string;
  readonly artifact: string;
}

/** What a backup remembers: `BackupFacts.details`. */
export interface Details {
  /** Null where the form `data` is not in it. */
  readonly data: {
    /** Of the very entries of the archive. */
    readonly entries: string;
    /** Milliseconds that the server stood still. */
    readonly frozenMs: number;
    readonly tenants: readonly string[];
  } | null;
  /** Null where the form `export` is not in it. */
  readonly export: {
    readonly databases: readonly DatabaseRef[];
    readonly collections: readonly ExportedCollection[];
  } | null;
  /** SHA-256 of each artifact as it was captured. */
  readonly digests: Readonly<Record<string, string>>;
}

const place = { tenant: z.string(), database: z.string() };
const schema: z.ZodType<Details> = z.strictObject({
  data: z.strictObject({ entries: z.string(), frozenMs: z.number(), tenants: z.array(z.string()) }).nullable(),
  export: z
    .strictObject({
      databases: z.array(z.strictObject(place)),
      collections: z.array(z.strictObject({ ...place, name: z.string(), artifact: z.string() })),
    })
    .nullable(),
  digests: z.record(z.string(), z.string()),
});

export function detailsAsJson(details: Details): Json {
  return z.json().parse(details);
}

/** Undefined where they are not this adapter's. */
export function parseDetails(details: Json): Details | undefined {
  return schema.safeParse(details).data;
}

/** Throws `corrupt` where they are not this adapter's. */
export function readDetails({ details, id }: Manifest): Details {
  const parsed = parseDetails(details);
  if (parsed !== undefined) return parsed;
  throw new BackupError("corrupt", `the manifest of ${id} is not of a backup of Chroma`, {
    operation: "chromadb.details",
    hint: "use another backup (`sutazai-backup list`)",
  });
}

/** `collections/<tenant>/<database>/<name>.jsonl`; tenants may be called anything. */
export function artifactOf({ tenant, database }: DatabaseRef, name: string): string {
  return `collections/${[tenant, database, name].map(encodedPart).join("/")}.jsonl`;
}

function encodedPart(name: string): string {
  return encodeURIComponent(name).replace(/^\.+/, (dots) => dots.replaceAll(".", "%2E"));
}
