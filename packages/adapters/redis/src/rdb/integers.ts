import type { StringSink } from "./window.ts";

const text = new Uint8Array(20);

/** Writes an integer into the sink as the decimal text that it stands for: Redis stores strings that look like integers as such. */
export function writeInteger(value: number | bigint, sink: StringSink): void {
  const start = typeof value === "number" ? digitsOf(value) : digitsOfBigint(value);
  sink.size(text.length - start);
  sink.bytes(text, start, text.length);
}

/** Fills `text` from the end; returns where the digits start. */
function digitsOf(value: number): number {
  let rest = Math.abs(value);
  let start = text.length;
  do {
    const next = Math.floor(rest / 10);
    text[--start] = 48 + rest - next * 10;
    rest = next;
  } while (rest > 0);
  if (value < 0) text[--start] = 45;
  return start;
}

function digitsOfBigint(value: bigint): number {
  const digits = value.toString();
  const start = text.length - digits.length;
  for (let index = 0; index < digits.length; index++) text[start + index] = digits.charCodeAt(index);
  return start;
}

/** A signed little-endian integer of 1, 2, 3, 4 or 8 bytes; a bigint only where a number cannot hold it. */
export function readInteger(bytes: Uint8Array, start: number, width: number): number | bigint {
  if (width < 8) {
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = (value << 8) | bytes[start + index]!;
    const unused = 32 - width * 8;
    return (value << unused) >> unused;
  }
  const low = readUint32(bytes, start);
  const high = readUint32(bytes, start + 4) | 0;
  if (high >= -0x200000 && high < 0x200000) return high * 0x100000000 + low;
  return (BigInt(high) << 32n) | BigInt(low);
}

export function readUint32(bytes: Uint8Array, start: number): number {
  return (bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)) >>> 0;
}
