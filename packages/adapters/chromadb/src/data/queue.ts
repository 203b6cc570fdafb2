import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { damaged } from "./damaged.ts";

/** What an entry of the queue does: `embeddings_queue.operation`. */
export const operations = { add: 0, update: 1, upsert: 2, delete: 3 } as const;

export interface QueueEntry {
  readonly seq: bigint;
  readonly operation: number;
  readonly id: string;
  readonly vector: Uint8Array | null;
  /** JSON, with the document and the uri among the keys; null in it removes a key. */
  readonly metadata: string | null;
}

/** What is queued of a collection behind an entry, in order; all of it where nothing of it was ever taken over. */
export function* queuedAfter(
  database: DatabaseSync,
  collection: string,
  last: bigint | undefined,
): Generator<QueueEntry, void, undefined> {
  const select = database.prepare(
    "SELECT seq_id, operation, id, vector, encoding, metadata FROM embeddings_queue WHERE seq_id > ? AND substr(topic, -36) = ? ORDER BY seq_id",
  );
  select.setReadBigInts(true);
  for (const row of select.iterate(last ?? -1n, collection)) {
    const { seq_id, operation, id, vector, encoding, metadata } = row;
    const isSound =
      typeof id === "string" &&
      (vector === null || vector instanceof Uint8Array) &&
      (encoding === null || encoding === "FLOAT32") &&
      (metadata === null || typeof metadata === "string");
    if (!isSound || Number(operation) < 0 || Number(operation) > 3) throw damaged("the queue holds an odd entry");
    yield { seq: seq_id as bigint, operation: Number(operation), id, vector, metadata };
  }
}

/** The last entry that each segment knows, by its id. Older versions wrote the numbers as bytes. */
export function readMaxSeqIds(database: DatabaseSync): Map<string, bigint> {
  const select = database.prepare("SELECT segment_id, seq_id FROM max_seq_id");
  select.setReadBigInts(true);
  return new Map(select.all().map(({ segment_id, seq_id }) => [String(segment_id), numberOf(seq_id)]));
}

function numberOf(value: SQLOutputValue | undefined): bigint {
  if (typeof value === "bigint") return value;
  if (value instanceof Uint8Array && value.length <= 16)
    return BigInt(`0x${Buffer.from(value).toString("hex") || "0"}`);
  throw damaged("an entry of the queue has no number");
}
