import { crc32, createInflateRaw } from "node:zlib";
import type { Bytes } from "@sutazai/backup-core";
import { damaged } from "./damage.ts";
import { gzipHeaderLength, headerLimit, trailerLength } from "./gzip-header.ts";
import { Inflation } from "./inflation.ts";

/**
 * Decodes gzip members of any maker, one after the other. Throws `corrupt`, with the byte of the encoded stream in `details.offset`. Headers and trailers are read here and only what lies between is left to zlib: Node's gunzip
 * takes zeros behind a member for the end of everything, and does not say which member is damaged.
 */
export async function* decodeGzip(encoded: Bytes): Bytes {
  const input = new Input(encoded);
  try {
    do {
      yield* decodeMember(input);
    } while (!(await input.isAtEnd()));
  } finally {
    await input.release();
  }
}

async function* decodeMember(input: Input): Bytes {
  const start = input.offset;
  const fail = (problem: string, cause?: unknown) => damaged("gzip", start, problem, cause);
  await passHeader(input, fail);

  let crc = 0;
  let length = 0;
  using inflation = new Inflation(createInflateRaw({ chunkSize: 256 * 1024 }), (cause) => fail(cause.message, cause));
  const output = async function* (pieces: Bytes): Bytes {
    for await (const piece of pieces) {
      crc = crc32(piece, crc);
      length += piece.length;
      yield piece;
    }
  };
  // Where the data ends with the piece, only the next one shows it, by not being touched.
  for (let given = 0; inflation.consumed === given;) {
    const piece = await input.next();
    if (piece === undefined) {
      yield* output(inflation.finish());
      break;
    }
    given += piece.length;
    yield* output(inflation.write(piece));
    if (inflation.consumed < given) input.putBack(piece.subarray(piece.length - (given - inflation.consumed)));
  }

  const trailer = Buffer.from(await input.exactly(trailerLength));
  if (trailer.length < trailerLength) throw fail(`it ends at byte ${input.offset}, amid the member that begins here`);
  if (trailer.readUInt32LE(0) !== crc) throw fail("the checksum of a member is wrong");
  if (trailer.readUInt32LE(4) !== length % 2 ** 32) throw fail("a member is not as long as it says");
}

async function passHeader(input: Input, fail: (problem: string, cause?: unknown) => Error): Promise<void> {
  let seen: Uint8Array = new Uint8Array(0);
  for (;;) {
    const piece = await input.next();
    if (piece === undefined) {
      throw fail(seen.length === 0 ? "it is empty, not even a member of nothing" : "it ends amid a member's header");
    }
    seen = seen.length === 0 ? piece : Buffer.concat([seen, piece]);
    let length: number | undefined;
    try {
      length = gzipHeaderLength(seen);
    } catch (cause) {
      throw fail((cause as RangeError).message, cause);
    }
    if (length !== undefined) return input.putBack(seen.subarray(length));
    if (seen.length > headerLimit) throw fail("the header of a member does not end");
  }
}

/** A stream from which a piece may be taken in part. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array | undefined;
  /** How many bytes have been taken. */
  offset = 0;

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    let piece = this.#rest;
    this.#rest = undefined;
    while (piece === undefined || piece.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      piece = next.value;
    }
    this.offset += piece.length;
    return piece;
  }

  /** Gives back the end of what was taken last. */
  putBack(bytes: Uint8Array): void {
    this.offset -= bytes.length;
    this.#rest = bytes;
  }

  /** Exactly `length` bytes, or fewer at the end. */
  async exactly(length: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let missing = length; missing > 0;) {
      const piece = await this.next();
      if (piece === undefined) break;
      pieces.push(piece.subarray(0, missing));
      if (piece.length > missing) this.putBack(piece.subarray(missing));
      missing -= Math.min(missing, piece.length);
    }
    return Buffer.concat(pieces);
  }

  async isAtEnd(): Promise<boolean> {
    const piece = await this.next();
    if (piece !== undefined) this.putBack(piece);
    return piece === undefined;
  }

  async release(): Promise<void> {
    await this.#chunks.return?.();
  }
}
