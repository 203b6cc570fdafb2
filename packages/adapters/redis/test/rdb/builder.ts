import { Crc64 } from "../../src/rdb/crc64.ts";

/** Writes RDB files by hand: for encodings that no server of today writes, and for those that none ever should. */
export class RdbBuilder {
  readonly #parts: Buffer[] = [];

  constructor(version: number = 12) {
    this.#parts.push(Buffer.from(`REDIS${String(version).padStart(4, "0")}`));
  }

  raw(...bytes: (number | Buffer)[]): this {
    for (const part of bytes) this.#parts.push(typeof part === "number" ? Buffer.from([part]) : part);
    return this;
  }

  /** A type or mark followed by strings. */
  key(type: number, name: string, ...value: Buffer[]): this {
    return this.raw(type, text(name), ...value);
  }

  build(): Buffer {
    const content = Buffer.concat([...this.#parts, Buffer.from([255])]);
    const crc = new Crc64();
    crc.update(content);
    const footer = Buffer.alloc(8);
    footer.writeInt32LE(crc.low, 0);
    footer.writeInt32LE(crc.high, 4);
    return Buffer.concat([content, footer]);
  }
}

export function length(value: number): Buffer {
  if (value < 64) return Buffer.from([value]);
  if (value < 16_384) return Buffer.from([0x40 | (value >> 8), value & 255]);
  const result = Buffer.alloc(5, 0x80);
  result.writeUInt32BE(value, 1);
  return result;
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([length(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const result = Buffer.alloc(4);
  result.writeUInt32LE(value);
  return result;
}

/** Entries are strings, or bytes of an encoding of their own. */
export function ziplist(...entries: (string | Buffer)[]): Buffer {
  let before = 0;
  let tail = 10;
  let end = 10;
  const parts = entries.map((entry) => {
    const encoded = typeof entry === "string" ? ziplistString(entry) : entry;
    const head = before < 254 ? Buffer.from([before]) : Buffer.concat([Buffer.from([254]), uint32(before)]);
    before = head.length + encoded.length;
    tail = end;
    end += before;
    return Buffer.concat([head, encoded]);
  });
  const body = Buffer.concat(parts);
  const count = Buffer.from([entries.length & 255, entries.length >> 8]);
  return Buffer.concat([uint32(body.length + 11), uint32(tail), count, body, Buffer.from([255])]);
}

function ziplistString(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 64) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  return Buffer.concat([Buffer.from([0x40 | (bytes.length >> 8), bytes.length & 255]), bytes]);
}

export function zipmap(...pairs: readonly [string, string][]): Buffer {
  const parts = pairs.flatMap(([field, value]) => [
    Buffer.from([field.length]),
    Buffer.from(field),
    // Two unused bytes after each value.
    Buffer.from([value.length, 2]),
    Buffer.from(value),
    Buffer.from([0, 0]),
  ]);
  return Buffer.concat([Buffer.from([pairs.length]), ...parts, Buffer.from([255])]);
}

export async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += size) yield content.slice(start, start + size);
}
