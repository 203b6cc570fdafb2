import { BackupError, type Bytes } from "@sutazai/backup-core";
import { linesOf } from "@sutazai/backup-formats";
import { z } from "zod";
import { configSchema, payloadSchema, type CollectionConfig, type CollectionInfo } from "./collections.ts";

/** No point is longer: a server takes requests of 32 MiB, unless it is told otherwise. Parsed, a line takes many times as much. */
const lineLimit = 64 * 1024 * 1024;

/** The first line of an export: what its collection is made up of. Between it and the last line there is one line for each point. */
export interface ExportHead {
  readonly collection: string;
  /** Of the server. */
  readonly version: string;
  readonly config: CollectionConfig;
  readonly payload_schema: CollectionInfo["payload_schema"];
}

const headSchema: z.ZodType<ExportHead> = z.strictObject({
  collection: z.string(),
  version: z.string(),
  config: configSchema,
  payload_schema: payloadSchema,
});

/** The last line: without it, an export that was cut off between two points would look whole. */
const tailSchema = z.strictObject({ points: z.int() });

export function headLine(head: ExportHead): Buffer {
  return Buffer.from(`${JSON.stringify(head)}\n`);
}

export function tailLine(points: number): Buffer {
  return Buffer.from(`${JSON.stringify({ points })}\n`);
}

/**
 * Reads an export: `takeHead` once, then `takePoints` as often as a piece of the file completes points. Throws `corrupt` where it does not
 * begin and end as it must.
 */
export async function readExport(
  collection: string,
  content: Bytes,
  takeHead: (head: ExportHead) => Promise<void> | void,
  takePoints: (points: readonly Buffer[]) => Promise<void> | void,
): Promise<void> {
  let head: ExportHead | undefined;
  let last: Buffer | undefined;
  let count = 0;
  for await (const lines of linesOf(content, { longest: lineLimit, damaged })) {
    if (head === undefined) {
      head = parsed(headSchema, lines.shift());
      if (head?.collection !== collection)
        throw damaged(0, `it does not begin as an export of ${JSON.stringify(collection)}`);
      await takeHead(head);
    }
    // The last line of all is none of a point.
    const points = last === undefined ? lines : [last, ...lines];
    last = points.pop();
    if (points.length > 0) await takePoints(points);
    count += points.length;
  }
  if (parsed(tailSchema, last)?.points !== count)
    throw damaged(0, `it does not end with the number of its ${count} points`);
}

function parsed<Value>(schema: z.ZodType<Value>, line: Buffer | undefined): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(line?.toString("utf8") ?? "")).data;
  } catch {
    return undefined;
  }
}

function damaged(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `the export cannot be trusted, at byte ${offset}: ${problem}`, {
    operation: "qdrant.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
