import type { Fact, Fingerprint } from "@sutazai/backup-core";
import { MultisetDigest } from "@sutazai/backup-formats";

export const valueKinds = ["string", "list", "set", "zset", "hash", "stream", "module"] as const;
export type ValueKind = (typeof valueKinds)[number];

/** What one database index holds. */
export class DatabaseContent {
  keys = 0;
  /** Keys that have an expiry of their own: what `INFO keyspace` calls `expires`. */
  expires = 0;
  readonly kinds: Map<ValueKind, number> = new Map();
  /** Keys that stay until somebody deletes them. */
  readonly persistent: MultisetDigest = new MultisetDigest();
  /** Keys with an expiry, and hashes with fields that have one. */
  readonly expiring: MultisetDigest = new MultisetDigest();
}

/**
 * What an RDB says, apart from how it is written. The digests are canonical: the same content gives the same digest in
 * whatever encoding and order the server happened to keep it, because a reload may change both.
 *
 * A key's row: its kind, whether and when it expires (milliseconds since 1970), its name, and by kind
 * - `string`: the bytes (integers as decimal text, which is how every command shows them);
 * - `list`: the elements in order;
 * - `set`: number and sum of the hashes of the elements, in no order;
 * - `zset`: the same of (member, score as a double, -0 as 0);
 * - `hash`: the same of (field, value, the field's expiry or 0);
 * - `stream`: the entries that are not deleted, in order, each with its id, field names and values; length, last id, the largest deleted id
 *   and how many were ever added; groups with last id, pending entries (id, delivery time and count) and consumers with theirs. Not in it:
 *   the first id (follows from the entries), a group's read counter (an estimate), consumers' seen and active times (bookkeeping that an AOF does not keep);
 * - `module`: the name of the module's type. The value is the module's own affair, and what it writes need not be the same
 *   twice: such values are counted, never compared.
 *
 * Strings have their length before them. LRU and LFU hints are no content.
 */
export interface RdbContent {
  readonly version: number;
  /** `redis-ver`, `ctime`, `aof-base` …, as far as they are short. */
  readonly auxiliary: ReadonlyMap<string, string>;
  /** By index; only those with keys. */
  readonly databases: ReadonlyMap<number, DatabaseContent>;
  /** The source text of function libraries. */
  readonly functions: MultisetDigest;
  /** Keys by name of the module type. */
  readonly modules: ReadonlyMap<string, number>;
  /** Whether the checksum at the end was there and right; servers with `rdbchecksum no` write none. */
  readonly checksum: "verified" | "absent";
  /** The earliest moment at which a key or field expires, in milliseconds since 1970; Infinity where none does. */
  readonly earliestExpiry: number;
  readonly bytes: number;
}

/** The facts of a form: per database `keys`, `type:<kind>`, `persistent`, `expiring`; `functions`. */
export function fingerprintOf(content: RdbContent): Fingerprint {
  const facts: Record<string, Fact> = {};
  for (const [index, database] of [...content.databases].sort(([a], [b]) => a - b)) {
    facts[`db:${index}/keys`] = { exact: database.keys };
    for (const kind of valueKinds) {
      const count = database.kinds.get(kind) ?? 0;
      if (count > 0) facts[`db:${index}/type:${kind}`] = { exact: count };
    }
    facts[`db:${index}/persistent`] = { exact: database.persistent.toString() };
    facts[`db:${index}/expiring`] = { exact: database.expiring.toString() };
  }
  facts["functions"] = { exact: content.functions.toString() };
  return facts;
}

/** Whether nothing of the user's is in it. */
export function isEmpty(content: RdbContent): boolean {
  return content.databases.size === 0 && content.functions.count === 0;
}

/** What the fingerprint does not compare, in sentences. */
export function notCompared(content: RdbContent): string[] {
  return [...content.modules].map(
    ([name, count]) => `the content of ${count} value(s) of module type ${name} is kept, but not compared`,
  );
}
