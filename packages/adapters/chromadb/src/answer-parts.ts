const quote = 0x22;
const backslash = 0x5c;
const open = new Set([0x5b, 0x7b]);
const close = new Set([0x5d, 0x7d]);
const comma = 0x2c;

/**
 * The values of a JSON object's fields as they stand, without reading them. Numbers of vectors are most of such an answer, and are read
 * another way than the rest. Undefined for what is no JSON object; the values themselves are not checked.
 */
export function fieldsOf(text: Buffer): Map<string, Buffer> | undefined {
  const fields = new Map<string, Buffer>();
  let at = 1;
  if (text[0] !== 0x7b || text[text.length - 1] !== 0x7d) return undefined;
  while (at < text.length && text[at] === quote) {
    const nameEnd = endOfString(text, at);
    if (text[nameEnd] !== 0x3a) return undefined;
    const name = text.toString("utf8", at + 1, nameEnd - 1);
    const start = nameEnd + 1;
    const end = endOfValue(text, start);
    fields.set(name, text.subarray(start, end));
    at = end + 1;
  }
  return at === text.length ? fields : undefined;
}

/** The elements of a JSON array of arrays of numbers, or nulls, as they stand. */
export function rowsOf(text: Buffer): (Buffer | undefined)[] {
  const rows: (Buffer | undefined)[] = [];
  for (let at = 1; at < text.length - 1;) {
    if (text[at] === 0x5b) {
      const end = text.indexOf(0x5d, at) + 1;
      if (end === 0) return rows;
      rows.push(text.subarray(at, end));
      at = end + 1;
    } else {
      rows.push(undefined);
      const next = text.indexOf(comma, at);
      at = next === -1 ? text.length : next + 1;
    }
  }
  return rows;
}

/** Behind the string that begins at `start`. */
function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; ;) {
    const end = text.indexOf(quote, at);
    if (end === -1) return text.length;
    let escapes = 0;
    while (text[end - 1 - escapes] === backslash) escapes++;
    at = end + 1;
    if (escapes % 2 === 0) return at;
  }
}

/** Behind the value that begins at `start`: at the comma or bracket that follows. */
function endOfValue(text: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === quote) at = endOfString(text, at) - 1;
    else if (byte === comma && depth === 0) return at;
    else if (open.has(byte)) depth++;
    else if (close.has(byte)) {
      if (depth === 0) return at;
      depth--;
    }
  }
  return text.length;
}
