import { BackupError, listOf, recordOf, type Json, type Manifest } from "@sutazai/backup-core";
import { z } from "zod";
import {
  configSchema,
  payloadSchema,
  type Aliases,
  type CollectionConfig,
  type CollectionInfo,
} from "./collections.ts";
import type { CollectionForm } from "./options.ts";

/** What a restore and an inspection want to know of a backup before they read it. */
export interface BackupDetails {
  readonly collections: readonly CapturedCollection[];
  readonly aliases: Aliases;
  /** SHA-256 of every artifact, as they were captured; for snapshots it is the server's own, too. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface CapturedCollection {
  readonly name: string;
  /** By form, the artifact that holds it. */
  readonly artifacts: Partial<Readonly<Record<CollectionForm, string>>>;
  /** What search found near some points; empty where others wrote meanwhile. */
  readonly neighbours: readonly Neighbourhood[];
}

/** The nearest points of a stored one, by exact search. */
export interface Neighbourhood {
  /** As JSON has it. */
  readonly id: string;
  /** The vector's name; empty for the one that has none. */
  readonly using: string;
  readonly found: readonly { readonly id: string; readonly score: number }[];
}

const schema: z.ZodType<BackupDetails> = z.strictObject({
  collections: listOf(
    z.strictObject({
      name: z.string(),
      artifacts: z.strictObject({ snapshot: z.string().exactOptional(), scroll: z.string().exactOptional() }),
      neighbours: listOf(
        z.strictObject({
          id: z.string(),
          using: z.string(),
          found: listOf(z.strictObject({ id: z.string(), score: z.number() })),
        }),
      ),
    }),
  ),
  aliases: recordOf(z.string()),
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
export function readDetails({ id, database, details }: Manifest): BackupDetails {
  const parsed = parseDetails(details);
  if (parsed !== undefined) return parsed;
  throw new BackupError("corrupt", `the manifest of ${id} lacks what a restore of Qdrant needs`, {
    operation: "qdrant.details",
    database,
    hint: "use another backup (`sutazai-backup list`)",
  });
}

/** The artifact that says how everything was made up: collections, aliases, shards, versions. */
export interface Inventory {
  readonly version: string;
  readonly cluster: unknown;
  readonly aliases: Aliases;
  readonly collections: readonly InventoriedCollection[];
}

export interface InventoriedCollection {
  readonly name: string;
  readonly config: CollectionConfig;
  readonly payload_schema: CollectionInfo["payload_schema"];
  readonly shards: unknown;
}

export const inventorySchema: z.ZodType<Inventory> = z.looseObject({
  version: z.string(),
  cluster: z.unknown(),
  aliases: recordOf(z.string()),
  collections: listOf(
    z.looseObject({ name: z.string(), config: configSchema, payload_schema: payloadSchema, shards: z.unknown() }),
  ),
});

export const inventoryArtifact = "collections.json";
export const dataArtifact = "data.tar";

const suffixes: Readonly<Record<CollectionForm, string>> = { snapshot: ".snapshot", scroll: ".jsonl" };

/** Names of collections may hold what separates directories. */
export function artifactOf(collection: string, form: CollectionForm): string {
  return `collections/${collection.replaceAll("%", "%25").replaceAll("/", "%2F")}${suffixes[form]}`;
}

/** The collection and the form that an artifact's name tells of. */
export function collectionOf(artifact: string): { readonly name: string; readonly form: CollectionForm } | undefined {
  const match = /^collections\/([^/]+)(\.snapshot|\.jsonl)$/s.exec(artifact);
  if (match === null) return undefined;
  const name = (match[1] ?? "").replaceAll("%2F", "/").replaceAll("%25", "%");
  return { name, form: match[2] === suffixes.snapshot ? "snapshot" : "scroll" };
}
