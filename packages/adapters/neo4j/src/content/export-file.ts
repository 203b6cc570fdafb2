import { BackupError, type Bytes, type Fingerprint, type Json } from "@sutazai/backup-core";
import { z } from "zod";
import { GraphContent, schemaFacts } from "./graph.ts";

/** One line of an export, in this order: the head, the schema, all nodes, all relationships, the end. Ids hold within the file only. */
export type ExportLine =
  | { readonly export: "neo4j"; readonly version: 1; readonly database: string }
  | { readonly schema: string; readonly statement: string }
  | { readonly node: string; readonly labels: readonly string[]; readonly properties: Json }
  | { readonly relationship: string; readonly start: string; readonly end: string; readonly properties: Json }
  | { readonly nodes: number; readonly relationships: number; readonly dangling: number | null };

/** Parsed as JSON, and no more: what a line of the file claims is not copied. */
const properties = z.custom<Json>((value) => typeof value === "object" && value !== null && !Array.isArray(value));
const id = z.string().regex(/^\d{1,19}$/);
const lineSchema: z.ZodType<ExportLine> = z.union([
  z.strictObject({ node: id, labels: z.array(z.string()), properties }),
  z.strictObject({ relationship: z.string(), start: id, end: id, properties }),
  z.strictObject({ schema: z.string(), statement: z.string() }),
  z.strictObject({ export: z.literal("neo4j"), version: z.literal(1), database: z.string().min(1) }),
  z.strictObject({ nodes: z.int(), relationships: z.int(), dangling: z.int().nullable() }),
]);

/** What the lines of an export come to, taken one after the other as they are written or read. */
export class ExportContent {
  readonly graph: GraphContent;
  readonly #schema = new Map<string, string>();
  #named = 0;
  #database: string | undefined;
  #isOver = false;

  constructor(graph: GraphContent = new GraphContent()) {
    this.graph = graph;
  }

  /** The last line must have come. */
  get isWhole(): boolean {
    return this.#isOver;
  }

  get isEmpty(): boolean {
    return this.graph.nodes === 0 && [...this.#schema.values()].every((text) => text.startsWith("CREATE LOOKUP"));
  }

  get fingerprint(): Fingerprint {
    const prefix = `database:${this.#database ?? ""}`;
    return { ...this.graph.facts(prefix), ...schemaFacts(prefix, this.#schema) };
  }

  /** Throws an `Error` for a line that cannot stand where it does. */
  take(line: ExportLine): void {
    if (this.#isOver) throw new Error("something stands behind the last line");
    if ("export" in line !== (this.#database === undefined)) throw new Error("the first line says what the file is");
    if ("export" in line) this.#database = line.database;
    else if ("schema" in line) {
      this.#schema.set(line.schema, line.statement);
      this.#named += line.schema.length + line.statement.length;
    } else if ("node" in line) this.graph.addNode(BigInt(line.node), line.labels, line.properties);
    else if ("relationship" in line) {
      this.graph.addRelationship(line.relationship, line.properties, BigInt(line.start), BigInt(line.end));
    } else {
      const { nodes, relationships, dangling } = this.graph;
      if (line.nodes !== nodes || line.relationships !== relationships || line.dangling !== dangling) {
        throw new Error(
          `the last line tells of ${line.nodes} nodes and ${line.relationships} relationships, the file holds ${nodes} and ${relationships}`,
        );
      }
      this.#isOver = true;
    }
    if (this.graph.named + this.#named > mostNamed) {
      throw new Error("there are more names of labels, types, indexes and constraints than any graph has");
    }
  }
}

/** Characters. Names are kept, as facts; properties are not. */
const mostNamed = 64 * 1024 ** 2;
/** Bytes. Longer lines are not read: no property is as long. */
const longestLine = 64 * 1024 ** 2;
const lineFeed = 0x0a;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads an export to its end, each line parsed. Throws `corrupt`, naming the line. */
export async function readExport(bytes: Bytes, signal: AbortSignal): Promise<ExportContent> {
  const content = new ExportContent();
  let number = 0;
  let offset = 0;
  const take = (line: Buffer): void => {
    number += 1;
    try {
      content.take(lineSchema.parse(JSON.parse(utf8.decode(line))));
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : "";
      throw damaged(`line ${number} of the export is none: ${why.slice(0, 500)}`, offset);
    }
    offset += line.length + 1;
  };
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, from)) {
      take(Buffer.concat([...pieces, chunk.subarray(from, at)]));
      pieces = [];
      length = 0;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    pieces.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > longestLine)
      throw damaged(`line ${number + 1} of the export has more than ${longestLine} bytes`, offset);
  }
  if (length > 0 || !content.isWhole) throw damaged("the export ends before its last line", offset);
  return content;
}

function damaged(message: string, offset: number): BackupError {
  return new BackupError("corrupt", message, {
    operation: "neo4j.export",
    hint: "use another backup (`sutazai-backup list`)",
    details: { offset },
  });
}
