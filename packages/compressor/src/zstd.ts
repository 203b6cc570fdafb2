import { promisify } from "node:util";
import { constants, createZstdDecompress, zstdCompress } from "node:zlib";
import type { Bytes } from "@sutazai/backup-core";
import { compressBlocks, outputBound } from "./blocks.ts";
import { damaged } from "./damage.ts";
import { Inflation } from "./inflation.ts";
import { FrameWalk, frameKindOf } from "./zstd-frame.ts";

const compressFrame = promisify(zstdCompress);

/** Large enough to lose about 1 % of size against one frame for all (measured; 7 % at 512 KiB), small enough to keep every core busy. */
const blockLength = 2 * 1024 * 1024;
/** The largest window (2^27 bytes) that the zstd tool decodes unasked. */
const windowLogMax = 27;
const magicLength = 4;

export function encodeZstd(plain: Bytes, level: number, threads: number): Bytes {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
    [constants.ZSTD_c_contentSizeFlag]: 1,
  };
  return compressBlocks(plain, {
    blockLength,
    threads,
    compress: (block) =>
      // Without the pledge Node leaves the content size out of the frame.
      compressFrame(block, { params, pledgedSrcSize: block.length, chunkSize: outputBound(block.length) }),
  });
}

/** Decodes frames of any maker, one after the other; each by itself, so that none can be missed. */
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
