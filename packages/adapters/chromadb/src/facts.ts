import type { Fact, Fingerprint } from "@sutazai/backup-core";
import { digestOf, MultisetDigest, RowHash } from "@sutazai/backup-formats";
import type { DatabaseRef } from "./collections.ts";
import { canonicalJson, isVerbatim, Real } from "./json.ts";
import type { ChromaRecord } from "./records.ts";

/** How far two readings of one number of a vector may be apart, as a part of it: an index for cosine keeps directions and lengths, and multiplies them. */
export const relativeTolerance = 2e-6;

/** `collection:tenant/database/name`, each percent-encoded: tenants may be called anything. */
export function collectionFact({ tenant, database }: DatabaseRef, name: string): string {
  return `collection:${[tenant, database, name].map(encodeURIComponent).join("/")}`;
}

export function databaseFact({ tenant, database }: DatabaseRef): string {
  return `database:${[tenant, database].map(encodeURIComponent).join("/")}`;
}

/** How a collection is made up: what its makers chose, not what the server has found out since. */
export function configurationFacts(
  prefix: string,
  described: Readonly<Record<"schema" | "metadata" | "configuration", unknown>>,
): Fingerprint {
  const chosen = withoutThreads({ ...described, schema: withoutLearned(described.schema) });
  return { [`${prefix}/configuration`]: { exact: digestOf(canonicalJson(chosen)) } };
}

/** How many threads an index uses the server takes from the machine. */
function withoutThreads(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutThreads);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "num_threads");
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutThreads(item)]));
}

/** The server adds each key of the metadata that it sees to the schema, with the defaults; one that was chosen differs from them. */
function withoutLearned(schema: unknown): unknown {
  if (!isObject(schema) || !isObject(schema["keys"])) return schema;
  const defaults = isObject(schema["defaults"]) ? schema["defaults"] : {};
  const keys = Object.entries(schema["keys"]).flatMap(([key, types]) => {
    if (key.startsWith("#") || !isObject(types)) return [[key, types]];
    const chosen = Object.entries(types).filter(
      ([type, value]) => canonicalJson(value) !== canonicalJson(defaults[type] ?? null),
    );
    return chosen.length === 0 ? [] : [[key, Object.fromEntries(chosen)]];
  });
  return { ...schema, keys: Object.fromEntries(keys) as unknown };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  // Numbers of one text are objects of a kind of their own.
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !isVerbatim(value) &&
    !(value instanceof Real)
  );
}

const sums = 4;

/**
 * What is in a collection: a digest of ids, documents, metadata and uris, and of the vectors. Those of an index for cosine are not the same to the
 * last bit twice; they are told by sums instead, in which every number counts with a sign that follows from its record's id and its
 * place. The sums stay within bounds that follow from their tolerance, and leave them when a vector is changed, lost, or given to another record.
 */
export class ContentDigest {
  readonly #isCosine: boolean;
  readonly #content = new MultisetDigest();
  readonly #vectors = new MultisetDigest();
  readonly #row = new RowHash();
  readonly #sums = new Float64Array(sums);
  #squares = 0;
  #withVector = 0;

  constructor(isCosine: boolean) {
    this.#isCosine = isCosine;
  }

  get count(): number {
    return this.#content.count;
  }

  add({ id, document, metadata, uri, embedding }: ChromaRecord): void {
    this.addContent(id, document, metadata, uri);
    if (embedding !== null) this.addVector(id, embedding);
  }

  addContent(id: string, document: string | null, metadata: ChromaRecord["metadata"], uri: string | null): void {
    this.#row.reset();
    this.#row.update(Buffer.from(canonicalJson([id, document, metadata, uri])));
    this.#content.add(this.#row);
  }

  addVector(id: string, vector: Float32Array): void {
    this.#withVector += 1;
    this.#row.reset();
    this.#row.update(Buffer.from(`${id}\0`));
    if (this.#isCosine) return this.#addToSums(vector);
    this.#row.update(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    this.#vectors.add(this.#row);
  }

  #addToSums(vector: Float32Array): void {
    this.#row.finish();
    let state = (this.#row.lanes[0] ?? 0) | 1;
    const totals = this.#sums;
    for (let at = 0; at < vector.length; at++) {
      // xorshift32
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const number = vector[at]!;
      this.#squares += number * number;
      for (let sum = 0; sum < sums; sum++) totals[sum]! += ((state >>> (7 * sum + 3)) & 1) === 0 ? number : -number;
    }
  }

  facts(prefix: string): Fingerprint {
    const exact = (value: string | number): Fact => ({ exact: value });
    return {
      [`${prefix}/records`]: exact(this.#content.count),
      [`${prefix}/content`]: exact(this.#content.toString()),
      [`${prefix}/vectors`]: exact(this.#isCosine ? this.#withVector : this.#vectors.toString()),
      ...(this.#isCosine && this.#sumFacts(prefix)),
    };
  }

  #sumFacts(prefix: string): Fingerprint {
    // The errors are independent of each other: they grow as the root of their number.
    const tolerance = relativeTolerance * Math.sqrt(this.#squares) + Number.EPSILON;
    return Object.fromEntries(
      [...this.#sums].map((sum, at) => [
        `${prefix}/vectors/sum-${at + 1}`,
        { bounds: [sum - tolerance, sum + tolerance] },
      ]),
    );
  }
}
