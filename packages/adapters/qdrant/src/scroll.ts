import { BackupError, type Bytes } from "@sutazai/backup-core";
import { parsePoint, PointDigest, type Point } from "./points.ts";
import { splitPage, type ScrollPage } from "./scroll-page.ts";
import { collectionPath, type Server } from "./server.ts";

/** A page should come to about this many bytes, whatever a point takes. */
const pageBytes = 2 * 1024 * 1024;
const firstPage = 16;
const largestPage = 1_000;

/**
 * All points of a collection as the JSON that the server wrote, page by page, in the order of their ids. What others write meanwhile
 * may be in it or not. While one page is worked on, the server prepares the next.
 */
async function* scroll(
  server: Server,
  collection: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer[], void, undefined> {
  let asked: Promise<ReadPage> | undefined = readPage(server, collection, undefined, firstPage, signal);
  while (asked !== undefined) {
    const { points, next, bytes }: ReadPage = await asked;
    const each = bytes / Math.max(1, points.length);
    const limit = Math.max(1, Math.min(largestPage, Math.floor(pageBytes / each)));
    asked = next === undefined ? undefined : readPage(server, collection, next, limit, signal);
    // Heard when it is waited for; where the reader leaves before, nobody needs to know.
    asked?.catch(() => undefined);
    yield points;
  }
}

type ReadPage = ScrollPage & { readonly bytes: number };

async function readPage(
  server: Server,
  collection: string,
  offset: string | undefined,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<ReadPage> {
  const path = collectionPath(collection, "/points/scroll");
  // By hand: the offset is an id, which may be beyond what a double can hold.
  const body = `{"limit":${limit},"with_payload":true,"with_vector":true${offset === undefined ? "" : `,"offset":${offset}`}}`;
  const answer = await server.client.call("POST", path, { body, signal, isLong: true });
  const page = splitPage(answer.body);
  if (page === undefined || page.points.length > limit || page.next === (offset ?? null)) {
    throw new BackupError("unsupported", `the server's answer to ${path} is not understood`, {
      operation: "qdrant.scroll",
      hint: "this version of Qdrant may be too old or too new for this version of the adapter",
    });
  }
  return { ...page, bytes: answer.body.length };
}

/** What a pass over all points found. */
export interface ContentPass {
  readonly digest: PointDigest;
  /** Some points, to look for their neighbours later. */
  readonly samples: readonly Point[];
}

const samplesWanted = 5;

/** Reads all points, and gives them to `take`, if there is one, as JSON lines. */
export async function readContent(
  server: Server,
  collection: string,
  signal: AbortSignal | undefined,
  take?: (lines: Bytes, digest: PointDigest) => Promise<void>,
): Promise<ContentPass> {
  const digest = new PointDigest();
  const samples: Point[] = [];
  async function* lines(): Bytes {
    for await (const points of scroll(server, collection, signal)) {
      for (const text of points) {
        const point = parsePoint(text.toString("utf8"));
        if (samples.length < samplesWanted) samples.push(point);
        digest.add(point);
      }
      if (take !== undefined && points.length > 0) yield Buffer.concat(points.flatMap((text) => [text, newline]));
    }
  }
  if (take === undefined) for await (const _ of lines());
  else await take(lines(), digest);
  return { digest, samples };
}

const newline = Buffer.from("\n");
