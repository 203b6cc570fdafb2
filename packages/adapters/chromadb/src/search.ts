import { BackupError, type OperationContext } from "@sutazai/backup-core";
import { z } from "zod";
import { collectionPath, listCollections, listDatabases, type Collection, type DatabaseRef } from "./collections.ts";
import { describedOf, spaceOfDescribed } from "./export/export-file.ts";
import { listIds, readRecords } from "./records.ts";
import { notUnderstood, type Server } from "./server.ts";

const searchesPerCollection = 8;
/** Distances are float32 sums, whose order of addition is the server's own business. */
const tolerance = 1e-4;

const answerSchema = z.object({
  ids: z.array(z.array(z.string())),
  distances: z.array(z.array(z.number().nullable())),
});

/** What searches for stored vectors came to. */
export interface Searched {
  readonly collections: number;
  readonly searches: number;
  /** How many found something as near as the vector itself is. */
  readonly exact: number;
}

/**
 * Searches every collection for some of its own vectors. What is found must be one of its records, at the distance that its vector has: throws
 * `mismatch` otherwise, and where nothing is found. That it is the very nearest is told and not asked for: the index is approximate, and differs
 * with the order in which it was built.
 */
export async function searchStored(
  { signal, progress }: OperationContext,
  server: Server,
  tenants: readonly string[],
): Promise<Searched> {
  const sum = { collections: 0, searches: 0, exact: 0 };
  progress({ step: "searching the collections" });
  for (const where of await listDatabases(server, tenants, signal)) {
    for (const collection of await listCollections(server, where, signal)) {
      const { searches, exact } = await searchOne(server, where, collection, signal);
      sum.collections += searches > 0 ? 1 : 0;
      sum.searches += searches;
      sum.exact += exact;
    }
  }
  return sum;
}

async function searchOne(
  server: Server,
  where: DatabaseRef,
  collection: Collection,
  signal: AbortSignal,
): Promise<Pick<Searched, "searches" | "exact">> {
  const { id, name } = collection;
  const space = spaceOfDescribed(describedOf(collection));
  const first = (await listIds(server, where, id, signal)).sort().slice(0, searchesPerCollection);
  const wanted = [...(await vectorsOf(server, where, id, first, signal)).values()].filter(isOrdinary);
  if (wanted.length === 0) return { searches: 0, exact: 0 };
  const nearest = await nearestTo(server, where, id, wanted, signal);
  const ids = new Set(nearest.flatMap((each) => each.id ?? []));
  const known = await vectorsOf(server, where, id, [...ids], signal);
  let exact = 0;
  for (const [at, vector] of wanted.entries()) {
    const { id: found, distance } = nearest[at] ?? {};
    const other = known.get(found ?? "");
    const isRight = other !== undefined && distance !== undefined && isAt(distance, space, vector, other);
    if (!isRight) throw findsWrong(where, name, found);
    if (distance <= distanceOf(space, vector, vector) + toleranceOf(vector, vector)) exact += 1;
  }
  return { searches: wanted.length, exact };
}

async function vectorsOf(
  server: Server,
  where: DatabaseRef,
  id: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Float32Array>> {
  const vectors = new Map<string, Float32Array>();
  for await (const records of readRecords(server, where, id, ids, signal)) {
    for (const record of records) if (record.embedding !== null) vectors.set(record.id, record.embedding);
  }
  return vectors;
}

/** A vector of no length has no direction, and one of an immense length no distance: the server's sums do not hold it. */
function isOrdinary(vector: Float32Array): boolean {
  const square = product(vector, vector);
  return square > 1e-30 && square < 1e30;
}

/** Undefined where nothing was found, or its distance not told. */
interface Nearest {
  readonly id: string | undefined;
  readonly distance: number | undefined;
}

/** What the server finds nearest to each vector. */
async function nearestTo(
  server: Server,
  where: DatabaseRef,
  id: string,
  vectors: readonly Float32Array[],
  signal: AbortSignal,
): Promise<Nearest[]> {
  const path = collectionPath(where, id, "/query");
  const body = JSON.stringify({
    query_embeddings: vectors.map((vector) => [...vector]),
    n_results: 1,
    include: ["distances"],
  });
  // Not `ask`, which keeps numbers as they are written.
  const answer = answerSchema.safeParse(
    JSON.parse((await server.call("POST", path, { body, signal, isLong: true })).toString("utf8")),
  );
  if (!answer.success) throw notUnderstood(path, z.prettifyError(answer.error));
  const { ids, distances } = answer.data;
  return vectors.map((_, at) => ({ id: ids[at]?.[0], distance: distances[at]?.[0] ?? undefined }));
}

/** Whether the server's distance between two vectors is what it should be. */
export function isAt(distance: number, space: string, a: Float32Array, b: Float32Array): boolean {
  return Math.abs(distance - distanceOf(space, a, b)) <= toleranceOf(a, b);
}

function distanceOf(space: string, a: Float32Array, b: Float32Array): number {
  if (space === "ip") return 1 - product(a, b);
  if (space === "cosine") return 1 - product(a, b) / (Math.sqrt(product(a, a) * product(b, b)) || 1);
  return a.reduce((sum, number, at) => sum + (number - (b[at] ?? Number.NaN)) ** 2, 0);
}

function toleranceOf(a: Float32Array, b: Float32Array): number {
  return tolerance * Math.max(1, product(a, a), product(b, b));
}

function product(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, number, at) => sum + number * (b[at] ?? Number.NaN), 0);
}

function findsWrong({ tenant, database }: DatabaseRef, name: string, found: string | undefined): BackupError {
  const what = found === undefined ? "nothing" : `${JSON.stringify(found)}, at another distance than it is`;
  return new BackupError(
    "mismatch",
    `collection ${JSON.stringify(name)} of ${tenant}/${database}, searched for one of its own vectors, finds ${what}`,
    {
      operation: "chromadb.search",
      hint: "its records are those of the backup: look at the server's version and its log",
    },
  );
}
