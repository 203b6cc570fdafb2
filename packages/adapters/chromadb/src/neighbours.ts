import { BackupError, type OperationContext } from "@sutazai/backup-core";
import { z } from "zod";
import { collectionPath, listCollections, listDatabases } from "./collections.ts";
import { listIds, readRecords } from "./records.ts";
import { notUnderstood, type Server } from "./server.ts";

const queriesPerCollection = 3;
const neighboursPerQuery = 5;
/** Vectors for cosine are not kept to the last bit, and differ again after a restart. */
const tolerance = 1e-5;

interface Answer {
  /** Of each query. */
  readonly ids: string[][];
  readonly distances: number[][];
}

const answerSchema: z.ZodType<Answer> = z.object({
  ids: z.array(z.array(z.string())),
  distances: z.array(z.array(z.number())),
});

/** What the nearest neighbours of some stored vectors are, and how far, by collection. */
export type Neighbours = ReadonlyMap<string, Answer>;

/** Asks for the neighbours of the first records of every collection, in the order of their ids. */
export async function findNeighbours(
  { signal, progress }: OperationContext,
  server: Server,
  tenants: readonly string[],
): Promise<Neighbours> {
  const found = new Map<string, Answer>();
  progress({ step: "searching the collections" });
  for (const where of await listDatabases(server, tenants, signal)) {
    for (const { id, name } of await listCollections(server, where, signal)) {
      const ids = (await listIds(server, where, id, signal)).sort().slice(0, queriesPerCollection);
      const vectors: number[][] = [];
      for await (const records of readRecords(server, where, id, ids, signal)) {
        vectors.push(...records.flatMap(({ embedding }) => (embedding === null ? [] : [[...embedding]])));
      }
      if (vectors.length === 0) continue;
      const body = JSON.stringify({
        query_embeddings: vectors,
        n_results: neighboursPerQuery,
        include: ["distances"],
      });
      const path = collectionPath(where, id, "/query");
      // Not `ask`, which keeps numbers as they are written.
      const answer = answerSchema.safeParse(
        JSON.parse((await server.call("POST", path, { body, signal, isLong: true })).toString("utf8")),
      );
      if (!answer.success) throw notUnderstood(path, z.prettifyError(answer.error));
      found.set(JSON.stringify([where.tenant, where.database, name]), answer.data);
    }
  }
  return found;
}

/** Throws `mismatch`, naming the first collection that answers otherwise than before. */
export function assertSameNeighbours(before: Neighbours, now: Neighbours): void {
  for (const [collection, { ids, distances }] of before) {
    const answer = now.get(collection);
    const isSame =
      JSON.stringify(answer?.ids) === JSON.stringify(ids) &&
      distances.every((row, query) =>
        row.every((distance, at) => Math.abs(distance - (answer?.distances[query]?.[at] ?? Number.NaN)) <= tolerance),
      );
    if (isSame) continue;
    throw new BackupError("mismatch", `collection ${collection} answers the same queries otherwise than before`, {
      operation: "chromadb.search",
      hint: "its records are as they were: look at the server's version and its log",
    });
  }
}
