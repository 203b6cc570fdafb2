import { BackupError, type Bytes, type Fingerprint } from "@sutazai/backup-core";
import { linesOf } from "@sutazai/backup-formats";
import { z } from "zod";
import type { Collection, DatabaseRef } from "../collections.ts";
import { configurationFacts } from "../facts.ts";
import { parseExact, stringifyExact } from "../json.ts";
import { metadataOf, metadataSchema, type ChromaRecord, type WrittenRecord } from "../records.ts";
import { spaceOf } from "../space.ts";

/** No record is longer: a server that took it in a request would have refused it. */
const lineLimit = 256 * 1024 * 1024;

/** The first line of an export: how the collection is made up. */
export interface ExportHead extends DatabaseRef {
  readonly format: "chromadb-export";
  readonly version: 1;
  readonly collection: Described;
}

/** What a collection is made from. */
export type Described = Pick<Collection, "name" | "metadata" | "configuration_json" | "schema">;

const headSchema: z.ZodType<ExportHead> = z.strictObject({
  format: z.literal("chromadb-export"),
  version: z.literal(1),
  tenant: z.string(),
  database: z.string(),
  collection: z.strictObject({
    name: z.string(),
    metadata: z.unknown(),
    configuration_json: z.unknown(),
    schema: z.unknown(),
  }),
});
const recordSchema = z.strictObject({
  id: z.string(),
  embedding: z.null(),
  document: z.string().nullable(),
  metadata: metadataSchema,
  uri: z.string().nullable(),
});
const tailSchema = z.strictObject({ records: z.number() });

export function describedOf({ name, metadata, configuration_json, schema }: Collection): Described {
  return { name, metadata: metadata ?? null, configuration_json, schema: schema ?? null };
}

export function isCosine(described: Described): boolean {
  return spaceOfDescribed(described) === "cosine";
}

/** By what its vectors are compared: `l2`, `cosine` or `ip`. */
export function spaceOfDescribed({ metadata, configuration_json, schema }: Described): string {
  return spaceOf(schema, configuration_json, (metadata as Record<string, unknown> | null)?.["hnsw:space"]);
}

export function describedFacts(prefix: string, { metadata, configuration_json, schema }: Described): Fingerprint {
  return configurationFacts(prefix, { metadata, configuration: configuration_json, schema });
}

export function headLine(where: DatabaseRef, collection: Described): string {
  const { tenant, database } = where;
  return `${stringifyExact({ format: "chromadb-export", version: 1, tenant, database, collection })}\n`;
}

export function tailLine(records: number): string {
  return `${JSON.stringify({ records })}\n`;
}

/** The vector as the server wrote it, so that a person may read it. */
export function recordPieces({ id, embeddingText, document, metadata, uri }: WrittenRecord): (string | Buffer)[] {
  return [
    `{"id":${JSON.stringify(id)},"embedding":`,
    embeddingText ?? "null",
    `,"document":${JSON.stringify(document)},"metadata":${stringifyExact(metadata)},"uri":${JSON.stringify(uri)}}\n`,
  ];
}

const tailStart = Buffer.from('{"records":');

/** Reads an export to its end: its head, then its records, some at a time. Throws `corrupt` for one that is cut off or is none. */
export async function readExport(
  content: Bytes,
  onHead: (head: ExportHead) => Promise<void> | void,
  onRecords: (records: ChromaRecord[]) => Promise<void> | void,
): Promise<number> {
  let head: ExportHead | undefined;
  let tail: number | undefined;
  let count = 0;
  let offset = 0;
  for await (const lines of linesOf(content, { longest: lineLimit, damaged })) {
    const records: ChromaRecord[] = [];
    for (const line of lines) {
      if (tail !== undefined) throw damaged(offset, "something stands behind its last line");
      if (head === undefined) {
        head = checked(headSchema, line.toString("utf8"), offset);
        await onHead(head);
      } else if (line.subarray(0, tailStart.length).equals(tailStart)) {
        tail = checked(tailSchema, line.toString("utf8"), offset).records;
      } else {
        records.push(recordOf(line, offset));
      }
      offset += line.length + 1;
    }
    count += records.length;
    if (records.length > 0) await onRecords(records);
  }
  if (tail === undefined) throw damaged(offset, "it lacks its last line");
  if (tail !== count) throw damaged(offset, `it has ${count} records, and its last line says ${tail}`);
  return count;
}

function recordOf(line: Buffer, offset: number): ChromaRecord {
  // The numbers of the vector are most of it, and need no care.
  const text = line.toString("utf8");
  const start = text.indexOf(',"embedding":');
  const end = text.indexOf(',"document":', start);
  const hasVector = start !== -1 && end !== -1 && /^\[[-\d.,eE+]*\]$/.test(text.slice(start + 13, end));
  const rest = hasVector ? `${text.slice(0, start)},"embedding":null${text.slice(end)}` : text;
  const { id, document, metadata, uri } = checked(recordSchema, rest, offset);
  const embedding = hasVector ? Float32Array.from(numbersOf(text.slice(start + 13, end), offset)) : null;
  return { id, document, metadata: metadataOf(metadata), uri, embedding };
}

function checked<Value>(schema: z.ZodType<Value>, line: string, offset: number): Value {
  const parsed = schema.safeParse(jsonOf(line, offset));
  if (!parsed.success) throw damaged(offset, "a line is not what it should be");
  return parsed.data;
}

function numbersOf(text: string, offset: number): number[] {
  try {
    return JSON.parse(text) as number[];
  } catch {
    throw damaged(offset, "a vector is no JSON");
  }
}

function jsonOf(text: string, offset: number): unknown {
  try {
    return parseExact(text);
  } catch {
    throw damaged(offset, "a line is no JSON");
  }
}

function damaged(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `the export cannot be trusted, at byte ${offset}: ${problem}`, {
    operation: "chromadb.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
