import { BackupError, type Bytes } from "@sutazai/backup-core";

/** No point is longer: a server takes requests of 32 MiB, unless it is told otherwise. Parsed, a line takes many times as much. */
const lineLimit = 64 * 1024 * 1024;
const lineFeed = 0x0a;

/** Cuts bytes into lines, without their ends, as many at a time as a chunk completes. The last line must have an end. */
export async function* linesOf(content: Bytes): AsyncGenerator<Buffer[], void, undefined> {
  let pending: Buffer[] = [];
  let length = 0;
  let offset = 0;
  for await (const chunk of content) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
      const piece = bytes.subarray(start, end);
      lines.push(pending.length === 0 ? piece : Buffer.concat([...pending, piece]));
      pending = [];
      length = 0;
      start = end + 1;
    }
    if (start < bytes.length) {
      pending.push(bytes.subarray(start));
      length += bytes.length - start;
    }
    offset += bytes.length;
    if (length > lineLimit) throw damaged(offset, `a line is longer than ${lineLimit} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (pending.length > 0) throw damaged(offset, "it ends within a line");
}

export function damaged(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `the export cannot be trusted, at byte ${offset}: ${problem}`, {
    operation: "qdrant.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
