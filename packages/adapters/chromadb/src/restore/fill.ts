import { BackupError, type Bytes, type OperationContext } from "@sutazai/backup-core";
import { collectionPath, countRecords, type Collection, type DatabaseRef } from "../collections.ts";
import { textStoredAs } from "../exact-number.ts";
import { readExport } from "../export/export-file.ts";
import { ContentDigest, relativeTolerance } from "../facts.ts";
import { canonicalJson, stringifyExact } from "../json.ts";
import { readRecords, type ChromaRecord } from "../records.ts";
import type { Server } from "../server.ts";
import { withNumbers } from "./numbers.ts";

/** The server takes 40 MiB in a request; small ones keep it answering. */
const batchBytes = 2 * 1024 * 1024;
const batchRecords = 400;
const requestsAtOnce = 3;

/** Adds the records of an export to a fresh collection, several requests at once. */
export async function fill(
  { signal, progress }: OperationContext,
  server: Server,
  where: DatabaseRef,
  { id, name }: Pick<Collection, "id" | "name">,
  content: Bytes,
): Promise<void> {
  const path = collectionPath(where, id, "/add");
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let batch: ChromaRecord[] = [];
  let size = 0;
  let bytes = 0;
  const send = async (): Promise<void> => {
    if (batch.length === 0) return;
    const body = bodyOf(batch, server.takesBase64);
    batch = [];
    size = 0;
    bytes += body.length;
    progress({ step: `filling ${name}`, bytes });
    const request = server.call("POST", path, { body, signal, isLong: true }).then(
      () => undefined,
      (error: unknown) => {
        failure ??= { error };
      },
    );
    const settled = request.finally(() => running.delete(settled));
    running.add(settled);
    if (running.size >= requestsAtOnce) await Promise.race(running);
    if (failure !== undefined) throw failure.error;
  };
  try {
    await readExport(
      content,
      () => undefined,
      async (records) => {
        signal.throwIfAborted();
        for (const record of records) {
          batch.push(record);
          size += sizeOf(record);
          if (size >= batchBytes || batch.length >= batchRecords) await send();
        }
      },
    );
    await send();
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
}

function sizeOf({ embedding, document, metadata }: ChromaRecord): number {
  return 6 * (embedding?.length ?? 0) + (document?.length ?? 0) + (metadata === null ? 0 : 256) + 64;
}

function bodyOf(records: readonly ChromaRecord[], takesBase64: boolean): string {
  return stringifyExact({
    ids: records.map(({ id }) => id),
    embeddings: records.map(({ id, embedding }) => {
      if (embedding === null) throw withoutVector(id);
      const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength);
      return takesBase64 ? bytes.toString("base64") : [...embedding];
    }),
    documents: records.map(({ document }) => document),
    metadatas: records.map(({ metadata }) => withNumbers(metadata, textStoredAs)),
    uris: records.map(({ uri }) => uri),
  });
}

function withoutVector(id: string): BackupError {
  return new BackupError(
    "unsupported",
    `record ${JSON.stringify(id)} has no vector, and the server adds none without`,
    {
      operation: "chromadb.import",
      hint: "restore the form `data`",
    },
  );
}

const comparedAtOnce = 200;

/** Reads every record back and holds it against the export. Returns what is there; throws `mismatch` for the first that differs. */
export async function compareRecords(
  { signal, progress }: OperationContext,
  server: Server,
  where: DatabaseRef,
  { id, name }: Pick<Collection, "id" | "name">,
  content: Bytes,
  isCosine: boolean,
): Promise<ContentDigest> {
  const digest = new ContentDigest(isCosine);
  progress({ step: `comparing ${name}` });
  const read = async (ids: readonly string[]): Promise<Map<string, ChromaRecord>> => {
    const found = new Map<string, ChromaRecord>();
    for await (const page of readRecords(server, where, id, ids, signal)) {
      for (const record of page) found.set(record.id, record);
    }
    return found;
  };
  await readExport(
    content,
    () => undefined,
    async (records) => {
      for (let first = 0; first < records.length; first += comparedAtOnce) {
        const some = records.slice(first, first + comparedAtOnce);
        const found = await read(some.map((record) => record.id));
        const haunted = some.filter((wanted) => contentOf(wanted) !== contentOf(found.get(wanted.id) ?? wanted));
        if (haunted.length > 0) {
          await exorcise(server, collectionPath(where, id, "/update"), haunted, found, signal);
          for (const [key, record] of await read(haunted.map((record) => record.id))) found.set(key, record);
        }
        for (const wanted of some) digest.add(assertEqual(name, wanted, found.get(wanted.id), isCosine));
      }
    },
  );
  const count = await countRecords(server, where, id, signal);
  if (count === digest.count) return digest;
  throw differs(name, "", `are ${count} instead of ${digest.count} records`);
}

/**
 * The server (1.5.9) deletes a collection without the lists in its metadata, and gives its row numbers to new records, which then have
 * lists that nobody gave them. Keys that are removed take these along.
 */
async function exorcise(
  server: Server,
  path: string,
  haunted: readonly ChromaRecord[],
  found: ReadonlyMap<string, ChromaRecord>,
  signal: AbortSignal,
): Promise<void> {
  const update = async (records: readonly ChromaRecord[], metadataOf: (record: ChromaRecord) => unknown) => {
    if (records.length === 0) return;
    const body = stringifyExact({ ids: records.map(({ id }) => id), metadatas: records.map(metadataOf) });
    await server.call("POST", path, { body, signal, isLong: true });
  };
  const keysOf = (record: ChromaRecord) => Object.keys({ ...record.metadata, ...found.get(record.id)?.metadata });
  await update(
    haunted.filter((record) => keysOf(record).length > 0),
    (record) => Object.fromEntries(keysOf(record).map((key) => [key, null])),
  );
  await update(
    haunted.filter(({ metadata }) => metadata !== null),
    ({ metadata }) => withNumbers(metadata, textStoredAs),
  );
}

function contentOf({ id, document, metadata, uri }: ChromaRecord): string {
  return canonicalJson([id, document, metadata, uri]);
}

function assertEqual(
  name: string,
  wanted: ChromaRecord,
  found: ChromaRecord | undefined,
  isCosine: boolean,
): ChromaRecord {
  if (found === undefined) throw differs(name, wanted.id, "is missing");
  if (contentOf(wanted) !== contentOf(found)) throw differs(name, found.id, "has another content");
  const [a, b] = [wanted.embedding ?? new Float32Array(), found.embedding ?? new Float32Array()];
  const tolerance = isCosine ? relativeTolerance : 0;
  const isEqual =
    a.length === b.length &&
    a.every(
      (number, at) =>
        Math.abs(number - (b[at] ?? Number.NaN)) <=
        tolerance * Math.abs(number) + (isCosine ? Number.EPSILON * 1e-14 : 0),
    );
  if (!isEqual) throw differs(name, found.id, "has another vector");
  return found;
}

function differs(name: string, id: string, what: string): BackupError {
  return new BackupError("mismatch", `collection ${name}: record ${JSON.stringify(id)} ${what} after the import`, {
    operation: "chromadb.import",
    hint: "the restore is undone; keep writers away and run it again, or restore the form `data`",
  });
}
