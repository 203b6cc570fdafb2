import { BackupError, type JournalRecord } from "@sutazai/backup-core";
import { z } from "zod";
import {
  configSchema,
  payloadSchema,
  type Aliases,
  type CollectionConfig,
  type CollectionInfo,
} from "./collections.ts";

/** What an operation is about to do to the server, as the journal keeps it. */
export type QdrantRecord =
  | { readonly action: "make-snapshot"; readonly data: SnapshotIntent }
  | { readonly action: "snapshot"; readonly data: MadeSnapshot }
  | { readonly action: "replace"; readonly data: Replacement }
  | { readonly action: "aliases"; readonly data: { readonly before: Aliases } };

/** A snapshot has been asked for, and the server will choose its name. */
export interface SnapshotIntent {
  readonly collection: string;
  /** Those that there were before. */
  readonly known: readonly string[];
  readonly at: string;
  readonly withinRestore: boolean;
}

/** A snapshot that lies in the server until it is no longer needed. */
export interface MadeSnapshot {
  readonly collection: string;
  readonly name: string;
  readonly withinRestore: boolean;
}

/** A collection that is to be replaced, made or removed. */
export interface Replacement {
  readonly collection: string;
  /** Null where there was none. */
  readonly was: PreservedCollection | null;
}

/** Everything by which a collection can be put back, its points being in a snapshot in the server. */
export interface PreservedCollection {
  readonly config: CollectionConfig;
  readonly payloadSchema: CollectionInfo["payload_schema"];
  readonly points: number;
  readonly snapshot: { readonly name: string; readonly size: number; readonly checksum: string | null };
}

const collection = z.string();
const schema: z.ZodType<QdrantRecord> = z.discriminatedUnion("action", [
  z.object({
    action: z.literal("make-snapshot"),
    data: z.strictObject({ collection, known: z.array(z.string()), at: z.iso.datetime(), withinRestore: z.boolean() }),
  }),
  z.object({
    action: z.literal("snapshot"),
    data: z.strictObject({ collection, name: z.string(), withinRestore: z.boolean() }),
  }),
  z.object({
    action: z.literal("replace"),
    data: z.strictObject({
      collection,
      was: z
        .strictObject({
          config: configSchema,
          payloadSchema,
          points: z.number(),
          snapshot: z.strictObject({ name: z.string(), size: z.number(), checksum: z.string().nullable() }),
        })
        .nullable(),
    }),
  }),
  z.object({ action: z.literal("aliases"), data: z.strictObject({ before: z.record(z.string(), z.string()) }) }),
]);

export function toJournal(part: string, { action, data }: QdrantRecord): JournalRecord {
  return { part, action, data: z.json().parse(data) };
}

/** Throws `corrupt` for a record that this adapter did not write. */
export function fromJournal(record: JournalRecord): QdrantRecord {
  const parsed = schema.safeParse(record);
  if (parsed.success) return parsed.data;
  throw new BackupError("corrupt", `the journal's record "${record.action}" of ${record.part} cannot be read`, {
    operation: "qdrant.recover",
    database: record.part,
    hint: "look at the journal's file, undo by hand what it names, then remove it",
    cause: parsed.error,
  });
}
