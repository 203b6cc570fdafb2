import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { readByServer } from "../exact-number.ts";
import { isVerbatim, parseExact, Real } from "../json.ts";
import { damaged } from "./damaged.ts";
import { operations, queuedAfter, type QueueEntry } from "./queue.ts";

const documentKey = "chroma:document";
const uriKey = "chroma:uri";

/** One record without its vector. */
export interface DataRecord {
  readonly id: string;
  readonly document: string | null;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly uri: string | null;
}

type Row = Record<string, SQLOutputValue>;

/** The records of a segment. What is still queued must have been taken over before: {@link applyQueue}. */
export function* readMetadata(database: DatabaseSync, segment: string): Generator<DataRecord, void, undefined> {
  const singles = valuesOf(database, "embedding_metadata", "ORDER BY key");
  const arrays = hasArrays(database)
    ? valuesOf(database, "embedding_metadata_array", "ORDER BY key, rowid")
    : undefined;
  const select = database.prepare("SELECT id, embedding_id FROM embeddings WHERE segment_id = ? ORDER BY embedding_id");
  select.setReadBigInts(true);
  for (const { id, embedding_id } of select.iterate(segment)) {
    if (typeof embedding_id !== "string") throw damaged("a record's id is no text");
    // A key may be called `__proto__`.
    const values = Object.create(null) as Record<string, unknown>;
    for (const row of singles.all(id as bigint)) values[String(row["key"])] = valueOf(row);
    for (const row of arrays?.all(id as bigint) ?? []) {
      const key = String(row["key"]);
      const found = values[key];
      if (Array.isArray(found)) found.push(valueOf(row));
      else values[key] = [valueOf(row)];
    }
    const { [documentKey]: document = null, [uriKey]: uri = null, ...metadata } = values;
    yield {
      id: embedding_id,
      document: typeof document === "string" ? document : null,
      uri: typeof uri === "string" ? uri : null,
      metadata: Object.keys(metadata).length === 0 ? null : metadata,
    };
  }
}

function hasArrays(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'embedding_metadata_array'").get() !== undefined;
}

function valuesOf(database: DatabaseSync, table: string, order: string): ReturnType<DatabaseSync["prepare"]> {
  const select = database.prepare(
    `SELECT key, string_value, int_value, float_value, bool_value FROM ${table} WHERE id = ? ${order}`,
  );
  select.setReadBigInts(true);
  return select;
}

function valueOf({ string_value, int_value, float_value, bool_value }: Row): unknown {
  if (string_value !== null) return string_value;
  if (bool_value !== null) return Number(bool_value) !== 0;
  if (int_value !== null) return int_value;
  return float_value === null ? null : new Real(Number(float_value));
}

/** Takes over what is queued, as the server does when it is asked next. The copy is ours to change. */
export function applyQueue(
  database: DatabaseSync,
  collection: string,
  segment: string,
  last: bigint | undefined,
): void {
  const find = database.prepare("SELECT id FROM embeddings WHERE segment_id = ? AND embedding_id = ?");
  const insert = database.prepare("INSERT INTO embeddings (segment_id, embedding_id, seq_id) VALUES (?, ?, ?)");
  const remove = database.prepare("DELETE FROM embeddings WHERE id = ?");
  const values = new ValueTable(database);
  for (const entry of queuedAfter(database, collection, last)) {
    const found = find.get(segment, entry.id) as { id: number } | undefined;
    if (entry.operation === operations.delete) {
      if (found === undefined) continue;
      values.clear(found.id);
      remove.run(found.id);
    } else if (found === undefined) {
      if (entry.operation === operations.update) continue;
      values.set(Number(insert.run(segment, entry.id, entry.seq).lastInsertRowid), entry);
    } else if (entry.operation !== operations.add) values.set(found.id, entry);
  }
}

/** The values of records, one row for each key, and for lists one for each element. */
class ValueTable {
  readonly #insert;
  readonly #insertElement;
  readonly #deletions;
  readonly #clearings;

  constructor(database: DatabaseSync) {
    const tables = ["embedding_metadata", ...(hasArrays(database) ? ["embedding_metadata_array"] : [])];
    const columns = "(id, key, string_value, int_value, float_value, bool_value) VALUES (?, ?, ?, ?, ?, ?)";
    this.#insert = database.prepare(`INSERT INTO embedding_metadata ${columns}`);
    this.#insertElement = tables[1] === undefined ? undefined : database.prepare(`INSERT INTO ${tables[1]} ${columns}`);
    this.#deletions = tables.map((table) => database.prepare(`DELETE FROM ${table} WHERE id = ? AND key = ?`));
    this.#clearings = tables.map((table) => database.prepare(`DELETE FROM ${table} WHERE id = ?`));
  }

  clear(id: number): void {
    for (const statement of this.#clearings) statement.run(id);
  }

  /** Keys that are not told of stay as they are. */
  set(id: number, { metadata }: QueueEntry): void {
    for (const [key, value] of Object.entries(entriesOf(metadata))) {
      for (const statement of this.#deletions) statement.run(id, key);
      if (Array.isArray(value)) for (const element of value) this.#insertElement?.run(id, key, ...columnsOf(element));
      else if (value !== null) this.#insert.run(id, key, ...columnsOf(value));
    }
  }
}

function entriesOf(metadata: string | null): Record<string, unknown> {
  try {
    const value = parseExact(metadata ?? "{}");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw damaged("the queue holds metadata that is no JSON");
}

type Columns = [text: string | null, integer: bigint | null, real: number | null, flag: number | null];

function columnsOf(value: unknown): Columns {
  if (typeof value === "string") return [value, null, null, null];
  if (typeof value === "boolean") return [null, null, null, value ? 1 : 0];
  const text = isVerbatim(value) ? value.rawJSON : String(value);
  if (/^-?\d+$/.test(text)) return [null, BigInt(text), null, null];
  return [null, null, readByServer(text) ?? Number(text), null];
}
