/** A page of points, each as the bytes that the server wrote: numbers keep every digit, and a copy needs no reading. */
export interface ScrollPage {
  readonly points: Buffer[];
  /** The id to go on from, as JSON; undefined at the end. */
  readonly next: string | undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
// Braces and brackets differ by this bit alone.
const bracketBit = 0x20;
const opening = 0x7b;
const closing = 0x7d;
const head = /^\s*\{\s*"result"\s*:\s*\{\s*"points"\s*:\s*\[\s*/;
const tail = /^\s*\]\s*,\s*"next_page_offset"\s*:\s*("[^"]*"|\d+|null)\s*[,}]/;

/** Cuts up `{"result":{"points":[…],"next_page_offset":…},…}`; undefined for anything else. */
export function splitPage(answer: Buffer): ScrollPage | undefined {
  const begin = head.exec(answer.toString("latin1", 0, 200))?.[0].length;
  if (begin === undefined) return undefined;
  const points: Buffer[] = [];
  let at = begin;
  let start = begin;
  let depth = 0;
  for (; at < answer.length; at++) {
    const byte = answer[at]!;
    if (byte === quote) {
      at = endOfString(answer, at);
    } else if ((byte | bracketBit) === opening) {
      depth++;
    } else if ((byte | bracketBit) === closing) {
      if (depth === 0) break;
      depth--;
    } else if (byte === comma && depth === 0) {
      points.push(answer.subarray(start, at));
      start = at + 1;
    }
  }
  if (at > start) points.push(answer.subarray(start, at));
  const next = tail.exec(answer.toString("latin1", at, at + 500))?.[1];
  return next === undefined ? undefined : { points, next: next === "null" ? undefined : next };
}

/** Where the string that begins at `start` ends. */
function endOfString(answer: Buffer, start: number): number {
  for (let at = start + 1; ;) {
    const end = answer.indexOf(quote, at);
    if (end === -1) return answer.length;
    let escapes = 0;
    while (answer[end - 1 - escapes] === backslash) escapes++;
    if (escapes % 2 === 0) return end;
    at = end + 1;
  }
}
