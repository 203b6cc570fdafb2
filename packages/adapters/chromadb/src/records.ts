import { z } from "zod";
import { fieldsOf, rowsOf } from "./answer-parts.ts";
import { collectionPath, type DatabaseRef } from "./collections.ts";
import { parseExact } from "./json.ts";
import { notUnderstood, type Server } from "./server.ts";

/** One record of a collection. */
export interface ChromaRecord {
  readonly id: string;
  readonly embedding: Float32Array | null;
  readonly document: string | null;
  /** Null where it has none, also where the server says `{}`, as it does at times. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly uri: string | null;
}

/** A record with its vector as the server wrote it. */
export interface WrittenRecord extends ChromaRecord {
  readonly embeddingText: Buffer | undefined;
}

const everything = ["embeddings", "documents", "metadatas", "uris"];
/** Not `z.record`, which loses a key that is called `__proto__`. */
export const metadataSchema: z.ZodType<Readonly<Record<string, unknown>> | null> = z.custom<Readonly<
  Record<string, unknown>
> | null>((value) => typeof value === "object" && !Array.isArray(value));
const idsSchema = z.looseObject({ ids: z.array(z.string()) });
const columnsSchema = z.object({
  ids: z.array(z.string()),
  documents: z.array(z.string().nullable()),
  metadatas: z.array(metadataSchema),
  uris: z.array(z.string().nullable()),
});

/** All ids, in one answer: pages by offset skip what moves up when others delete. */
export async function listIds(server: Server, where: DatabaseRef, id: string, signal?: AbortSignal): Promise<string[]> {
  const path = collectionPath(where, id, "/get");
  const { ids } = await server.ask("POST", path, idsSchema, { body: `{"include":[]}`, signal, isLong: true });
  return ids;
}

/** A page should come to about this many bytes, whatever a record takes. */
const pageBytes = 2 * 1024 * 1024;
const firstPage = 16;
const largestPage = 1_000;

/** Records by their ids, in the order of the ids; those that are not there any more are left out. While one page is worked on, the server prepares the next. */
export async function* readRecords(
  server: Server,
  where: DatabaseRef,
  id: string,
  ids: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<WrittenRecord[], void, undefined> {
  let size = firstPage;
  let next = 0;
  const ask = (): Promise<Page> | undefined => {
    if (next >= ids.length) return undefined;
    const wanted = ids.slice(next, next + size);
    next += wanted.length;
    const asked = readPage(server, where, id, wanted, signal);
    // Heard when it is waited for; where the reader leaves before, nobody needs to know.
    asked.catch(() => undefined);
    return asked;
  };
  let asked = ask();
  while (asked !== undefined) {
    const { records, bytes, wanted }: Page = await asked;
    size = Math.max(1, Math.min(largestPage, Math.floor(pageBytes / (bytes / wanted))));
    asked = ask();
    yield records;
  }
}

interface Page {
  readonly records: WrittenRecord[];
  readonly bytes: number;
  readonly wanted: number;
}

async function readPage(
  server: Server,
  where: DatabaseRef,
  id: string,
  wanted: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Page> {
  const path = collectionPath(where, id, "/get");
  const body = JSON.stringify({ ids: wanted, include: everything });
  const answer = await server.call("POST", path, { body, signal, isLong: true });
  const byId = new Map(parsePage(answer, path).map((record) => [record.id, record]));
  if (byId.size > wanted.length) throw notUnderstood(path, "more records than were asked for");
  const records = wanted.flatMap((one) => byId.get(one) ?? []);
  if (records.length < byId.size) throw notUnderstood(path, "other records than were asked for");
  return { records, bytes: answer.length, wanted: wanted.length };
}

function parsePage(answer: Buffer, path: string): WrittenRecord[] {
  const fields = fieldsOf(answer);
  if (fields === undefined) throw notUnderstood(path, "it is no JSON object");
  let columns: unknown;
  try {
    columns = Object.fromEntries(
      Object.keys(columnsSchema.shape).map((name) => [name, parseExact(fields.get(name)?.toString("utf8") ?? "null")]),
    );
  } catch {
    throw notUnderstood(path, "it is no JSON");
  }
  const parsed = columnsSchema.safeParse(columns);
  if (!parsed.success) throw notUnderstood(path, z.prettifyError(parsed.error));
  const { ids, documents, metadatas, uris } = parsed.data;
  const embeddings = rowsOf(fields.get("embeddings") ?? Buffer.alloc(0));
  if ([documents, metadatas, uris, embeddings].some((column) => column.length !== ids.length)) {
    throw notUnderstood(path, "its columns are not of one length");
  }
  return ids.map((id, at) => {
    const text = embeddings[at];
    return {
      id,
      embedding: text === undefined ? null : vectorOf(text),
      embeddingText: text,
      document: documents[at] ?? null,
      metadata: metadataOf(metadatas[at]),
      uri: uris[at] ?? null,
    };
  });
}

function vectorOf(text: Buffer): Float32Array {
  return Float32Array.from(JSON.parse(text.toString("latin1")) as number[]);
}

export function metadataOf(value: Readonly<Record<string, unknown>> | null | undefined): ChromaRecord["metadata"] {
  return value === null || value === undefined || Object.keys(value).length === 0 ? null : value;
}
