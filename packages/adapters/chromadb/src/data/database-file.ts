import { open } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { damaged } from "./damaged.ts";
import { databaseFile, type Extracted } from "./extract.ts";
import { noRoom } from "./room.ts";

const neededTables = [
  "collections",
  "databases",
  "tenants",
  "segments",
  "collection_metadata",
  "embeddings",
  "embedding_metadata",
  "embeddings_queue",
  "max_seq_id",
];

/** The index for full-text search follows from the documents; SQLite also complains of it where a document has a zero byte. */
const isOfSearchIndex = /inverted index for FTS5 table main\.embedding_fulltext_search/;

/**
 * Opens the SQLite file of an unpacked copy, which rolls back a hot journal beside it, and checks it from end to end. The file is hostile until
 * then: no schema of its own is trusted, views and triggers are refused. Throws `corrupt`.
 */
export async function openDatabaseFile({ directory, sizes }: Extracted): Promise<DatabaseSync> {
  if (!sizes.has(databaseFile)) throw damaged(`it has no ${databaseFile}`);
  const journal = `${databaseFile}-journal`;
  if (sizes.has(journal)) await assertOwnJournal(join(directory, journal), sizes.get(journal) ?? 0);
  // Only when it is needed: this module is announced as experimental by some versions of Node.
  const { DatabaseSync } = await import("node:sqlite");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, databaseFile), {
      enableForeignKeyConstraints: false,
      allowExtension: false,
    });
    database.exec(
      "PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; PRAGMA cache_size = -16384; PRAGMA cell_size_check = ON",
    );
    const found = database.prepare("PRAGMA integrity_check(100)").all() as { integrity_check: string }[];
    const problem = found.find(({ integrity_check: said }) => said !== "ok" && !isOfSearchIndex.test(said));
    if (problem !== undefined) throw damaged(`${databaseFile}: ${problem.integrity_check}`);
    assertSchema(database);
    return database;
  } catch (error) {
    database?.close();
    throw asDamage(error);
  }
}

/** https://www.sqlite.org/rescode.html#full */
const full = 13;

/** An error of SQLite is damage, unless it had no room for what it writes beside; anything else stays what it is. */
export function asDamage(error: unknown): unknown {
  if (error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR") {
    if ("errcode" in error && error.errcode === full) return noRoom(error.message, error);
    return damaged(`${databaseFile}: ${error.message}`, { cause: error });
  }
  return error;
}

const journalMagic = Buffer.from("d9d505f920a163d7", "hex");

/** A journal that names a common one of several databases would have SQLite look for that file, and delete it. */
async function assertOwnJournal(path: string, size: number): Promise<void> {
  const end = Buffer.alloc(8);
  const file = await open(path, "r");
  try {
    if (size >= 8) await file.read(end, 0, 8, size - 8);
  } finally {
    await file.close();
  }
  if (end.equals(journalMagic)) throw damaged("its journal belongs to several databases");
}

function assertSchema(database: DatabaseSync): void {
  const objects = database.prepare("SELECT type, name FROM sqlite_schema").all() as { type: string; name: string }[];
  const odd = objects.find(({ type }) => type !== "table" && type !== "index");
  if (odd !== undefined) throw damaged(`${databaseFile} has a ${odd.type}, as Chroma's own has not`);
  const tables = new Set(objects.filter(({ type }) => type === "table").map(({ name }) => name));
  const missing = neededTables.filter((name) => !tables.has(name));
  if (missing.length > 0)
    throw damaged(`${databaseFile} lacks ${missing.join(", ")}: it is not of Chroma 0.4 or newer`);
}
