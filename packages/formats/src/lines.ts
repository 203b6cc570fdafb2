import type { Bytes } from "@sutazai/backup-core";

const lineFeed = 0x0a;

export interface LineOptions {
  /** Bytes. */
  readonly longest: number;
  /** What to throw for a line that is longer, or a last one without an end: where, counted from the beginning, and what it is. */
  readonly damaged: (offset: number, problem: string) => Error;
}

/** Cuts bytes into lines, without their ends, as many at a time as a chunk completes. The last line must have an end. */
export async function* linesOf(
  content: Bytes,
  { longest, damaged }: LineOptions,
): AsyncGenerator<Buffer[], void, undefined> {
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
    if (length > longest) throw damaged(offset, `a line is longer than ${longest} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (pending.length > 0) throw damaged(offset, "it ends within a line");
}
