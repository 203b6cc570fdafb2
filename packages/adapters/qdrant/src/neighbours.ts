import { isBackupError } from "@sutazai/backup-core";
import { z } from "zod";
import type { Neighbourhood } from "./details.ts";
import type { Point } from "./points.ts";
import { collectionPath, resultOf, type Server } from "./server.ts";

const limit = 5;
/** Scores are float32 sums, whose order of addition is the server's own business. */
const tolerance = 1e-4;

const foundSchema = z.looseObject({
  points: z.array(z.looseObject({ id: z.union([z.number(), z.bigint(), z.string()]), score: z.number() })),
});

/** Asks for what is near some stored points, by every dense vector that they have. */
export async function readNeighbours(
  server: Server,
  collection: string,
  samples: readonly Point[],
  signal?: AbortSignal,
): Promise<Neighbourhood[]> {
  const found: Neighbourhood[] = [];
  for (const { id, vectors } of samples) {
    for (const [using, vector] of Object.entries(vectors)) {
      if ("indices" in vector) continue;
      found.push({ id, using, found: await search(server, collection, id, using, signal) });
    }
  }
  return found;
}

async function search(
  server: Server,
  collection: string,
  id: string,
  using: string,
  signal?: AbortSignal,
): Promise<Neighbourhood["found"]> {
  const path = collectionPath(collection, "/points/query");
  const vector = using === "" ? "" : `,"using":${JSON.stringify(using)}`;
  const body = `{"query":${id},"limit":${limit},"params":{"exact":true}${vector}}`;
  const answer = await server.client.call("POST", path, { body, signal, isLong: true });
  const { points } = resultOf(answer.body.toString("utf8"), foundSchema, path);
  return points.map((point) => ({
    id: typeof point.id === "string" ? JSON.stringify(point.id) : String(point.id),
    score: point.score,
  }));
}

/** Asks the same again, and tells what is answered differently. Points at equal distance may change places. */
export async function changedNeighbours(
  server: Server,
  collection: string,
  recorded: readonly Neighbourhood[],
  signal?: AbortSignal,
): Promise<string[]> {
  const changed: string[] = [];
  for (const { id, using, found } of recorded) {
    const vector = using === "" ? "" : ` by ${JSON.stringify(using)}`;
    const now = await search(server, collection, id, using, signal).catch((error: unknown) => {
      if (isBackupError(error) && error.reason === "not-found") return undefined;
      throw error;
    });
    if (now === undefined) changed.push(`point ${id} is not in ${JSON.stringify(collection)} any more`);
    else if (!areAlike(found, now)) {
      changed.push(
        `the neighbours of point ${id}${vector} in ${JSON.stringify(collection)} are others than in the backup`,
      );
    }
  }
  return changed;
}

export function areAlike(one: Neighbourhood["found"], other: Neighbourhood["found"]): boolean {
  if (one.length !== other.length) return false;
  const isNear = (a: number, b: number) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  if (!one.every(({ score }, at) => isNear(score, other[at]?.score ?? Number.NaN))) return false;
  const last = one.at(-1)?.score ?? 0;
  const ids = new Set(other.map(({ id }) => id));
  // Behind the last one there may be others just as near.
  return one.every(({ id, score }) => ids.has(id) || isNear(score, last));
}
