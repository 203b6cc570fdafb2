import { constants, createZstdDecompress } from "node:zlib";
import type { Bytes } from "@sutazai/backup-core";
import { damaged } from "./damage.ts";
import { Inflation } from "./inflation.ts";
import { FrameWalk, frameKindOf } from "./zstd-frame.ts";

/** The largest window (2^27 bytes) that the zstd tool decodes unasked. */
const windowLogMax = 27;
const magicLength = 4;

/**
 * Decodes zstd frames of any maker, one after the other; each by itself, so that none can be missed. Streams: what it gives is proven only when the iteration has ended.
 * Throws `corrupt`, with the byte of the encoded stream in `details.offset`.
 */
export async function* decodeZstd(encoded: Bytes): Bytes {
  let frame: Frame | undefined;
  /** Of the encoded stream: up to where frames have been walked. */
  let offset = 0;
  /** What came of a magic number that is not yet whole. */
  let rest: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of encoded) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      rest = bytes.subarray(0, 0);
      while (bytes.length > 0) {
        if (frame === undefined && bytes.length < magicLength) {
          rest = bytes;
          break;
        }
        frame ??= new Frame(bytes.subarray(0, magicLength), offset);
        const length = frame.take(bytes);
        yield* frame.write(bytes.subarray(0, length));
        offset += length;
        bytes = bytes.subarray(length);
        if (frame.isWhole) {
          yield* frame.finish();
          frame[Symbol.dispose]();
          frame = undefined;
        }
      }
    }
  } finally {
    frame?.[Symbol.dispose]();
  }
  if (frame !== undefined)
    throw damaged("zstd", frame.offset, `it ends at byte ${offset}, amid the frame that begins here`);
  if (rest.length > 0) throw damaged("zstd", offset, "what begins here is no frame");
  if (offset === 0) throw damaged("zstd", 0, "it is empty, not even a frame of nothing");
}

/** One frame: found by walking it, decompressed as it is walked. */
class Frame implements Disposable {
  /** Of the encoded stream: where it begins. */
  readonly offset: number;
  readonly #walk = new FrameWalk();
  /** None for a skippable frame. */
  readonly #inflation: Inflation | undefined;
  #length = 0;

  constructor(magic: Uint8Array, offset: number) {
    const kind = frameKindOf(magic);
    if (kind === undefined) {
      throw damaged("zstd", offset, offset === 0 ? "it is not zstd" : "what begins here is no frame");
    }
    this.offset = offset;
    if (kind === "skippable") return;
    const stream = createZstdDecompress({
      chunkSize: 256 * 1024,
      params: { [constants.ZSTD_d_windowLogMax]: windowLogMax },
    });
    this.#inflation = new Inflation(stream, (cause) => damaged("zstd", offset, cause.message, cause));
  }

  get isWhole(): boolean {
    return this.#walk.isDone;
  }

  /** How many of the bytes belong to this frame. */
  take(bytes: Uint8Array): number {
    try {
      return this.#walk.take(bytes);
    } catch (cause) {
      throw damaged("zstd", this.offset, (cause as RangeError).message, cause);
    }
  }

  async *write(piece: Uint8Array): Bytes {
    this.#length += piece.length;
    if (this.#inflation !== undefined) yield* this.#inflation.write(piece);
  }

  async *finish(): Bytes {
    if (this.#inflation === undefined) return;
    yield* this.#inflation.finish();
    if (this.#inflation.consumed !== this.#length)
      throw damaged("zstd", this.offset, "its frame ends before its blocks do");
  }

  [Symbol.dispose](): void {
    this.#inflation?.[Symbol.dispose]();
  }
}
