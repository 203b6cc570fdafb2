import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { damaged } from "./damaged.ts";
import type { Extracted } from "./extract.ts";
import { readHnsw } from "./hnsw.ts";
import { readIdMap } from "./id-map.ts";
import { operations, queuedAfter } from "./queue.ts";

/** Where a collection's vectors are. */
export interface VectorSegment {
  readonly collection: string;
  readonly segment: string;
  readonly isCosine: boolean;
  /** The last entry of the queue that the saved index knows; undefined where it was never saved, and all vectors are in the queue. */
  readonly savedUpTo: bigint | undefined;
}

/**
 * The vectors of a collection as the server will have them: those of the saved index, and upon them what the queue tells since. Ids are kept
 * in a database of ours on disk, not in memory. Throws `corrupt` where index and ids do not belong together.
 */
export async function* readVectors(
  database: DatabaseSync,
  extracted: Extracted,
  { collection, segment, isCosine, savedUpTo }: VectorSegment,
): AsyncGenerator<readonly [id: string, vector: Float32Array], void, undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  const ids = new DatabaseSync(join(extracted.directory, `ids-${segment}.sqlite3`));
  try {
    ids.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384; BEGIN;
      CREATE TABLE saved (id TEXT PRIMARY KEY, label INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
      CREATE TABLE since (id TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID`);
    let saved = 0;
    if (savedUpTo !== undefined) saved = await loadIds(ids, extracted, segment);
    foldQueue(database, ids, collection, savedUpTo);

    if (savedUpTo !== undefined) {
      const find = ids.prepare("SELECT id FROM saved WHERE label = ?");
      const replaced = ids.prepare("SELECT 1 FROM since WHERE id = ?");
      let seen = 0;
      for await (const { label, isDeleted, vector } of readHnsw(extracted, segment, isCosine)) {
        if (isDeleted) continue;
        const found = find.get(label) as { id: string } | undefined;
        if (found === undefined) throw damaged(`the vectors ${segment} hold an element that belongs to no id`);
        seen += 1;
        if (replaced.get(found.id) === undefined) yield [found.id, vector];
      }
      if (seen !== saved) throw damaged(`the vectors ${segment} hold ${seen} elements for ${saved} ids`);
    }
    for (const row of ids.prepare("SELECT id, vector FROM since WHERE vector IS NOT NULL").iterate()) {
      const { id, vector } = row as { id: string; vector: Uint8Array };
      yield [id, floatsOf(vector, segment)];
    }
  } finally {
    ids.close();
  }
}

async function loadIds(ids: DatabaseSync, extracted: Extracted, segment: string): Promise<number> {
  const name = `${segment}/index_metadata.pickle`;
  if (!extracted.sizes.has(name)) throw damaged(`the vectors ${segment} lack index_metadata.pickle`);
  const insert = ids.prepare("INSERT INTO saved VALUES (?, ?)");
  let count = 0;
  for await (const [id, label] of readIdMap(createReadStream(join(extracted.directory, name)), segment)) {
    insert.run(id, label);
    count += 1;
  }
  return count;
}

/** What is queued, in order: adding what is there and updating what is not there changes nothing. */
function foldQueue(database: DatabaseSync, ids: DatabaseSync, collection: string, savedUpTo: bigint | undefined): void {
  const wasSaved = ids.prepare("SELECT 1 FROM saved WHERE id = ?");
  const since = ids.prepare("SELECT vector IS NOT NULL AS there FROM since WHERE id = ?");
  const set = ids.prepare("INSERT INTO since VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET vector = excluded.vector");
  const isThere = (id: string): boolean => {
    const found = since.get(id) as { there: number } | undefined;
    return found === undefined ? wasSaved.get(id) !== undefined : found.there === 1;
  };
  for (const { operation, id, vector } of queuedAfter(database, collection, savedUpTo)) {
    const there = isThere(id);
    if (operation === operations.delete) {
      if (there) set.run(id, null);
    } else if (operation === operations.add ? !there : operation === operations.upsert || there) {
      if (vector !== null) set.run(id, vector);
    }
  }
}

function floatsOf(bytes: Uint8Array, segment: string): Float32Array {
  if (bytes.length % 4 !== 0) throw damaged(`a queued vector of ${segment} is torn`);
  return new Float32Array(bytes.slice().buffer);
}
