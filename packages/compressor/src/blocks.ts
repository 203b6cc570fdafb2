import type { Bytes } from "@sutazai/backup-core";

export interface BlockCompression {
  /** Plain bytes per block; all but the last are exactly so long. */
  readonly blockLength: number;
  /** Blocks that are compressed at once. One more waits for its turn, so that no thread idles while the source or the consumer is waited for. */
  readonly threads: number;
  /** Compresses a block for itself, off the main thread. The block may be overwritten once the promise has settled. */
  readonly compress: (block: Uint8Array) => Promise<Uint8Array>;
}

/**
 * Cuts a stream into blocks, compresses several at once and gives them out in order. An empty stream makes one empty block.
 * Holds `threads` + 2 blocks at most. Leaving early waits for what is being compressed, and for the source's own release.
 */
export async function* compressBlocks(plain: Bytes, { blockLength, threads, compress }: BlockCompression): Bytes {
  const running: { readonly buffer: Uint8Array; readonly compressed: Promise<Uint8Array> }[] = [];
  const start = (buffer: Uint8Array, length: number): void => {
    const compressed = compress(buffer.subarray(0, length));
    // Whoever waits for it gets the failure; until then it must not count as unhandled.
    compressed.catch(() => undefined);
    running.push({ buffer, compressed });
  };

  let buffer: Uint8Array = new Uint8Array(blockLength);
  let filled = 0;
  let isEmpty = true;
  try {
    for await (const chunk of plain) {
      for (let taken = 0; taken < chunk.length;) {
        const piece = chunk.subarray(taken, taken + blockLength - filled);
        buffer.set(piece, filled);
        taken += piece.length;
        filled += piece.length;
        if (filled < blockLength) break;

        isEmpty = false;
        start(buffer, filled);
        filled = 0;
        if (running.length <= threads) {
          buffer = new Uint8Array(blockLength);
        } else {
          const oldest = running.shift()!;
          yield await oldest.compressed;
          buffer = oldest.buffer;
        }
      }
    }
    if (filled > 0 || isEmpty) start(buffer, filled);
    while (running.length > 0) yield await running.shift()!.compressed;
  } finally {
    await Promise.allSettled(running.map(({ compressed }) => compressed));
  }
}

/**
 * What a block can become at worst, in zstd or gzip (ZSTD_COMPRESSBOUND of zstd.h, deflateBound of zlib.h, rounded up). With an
 * output buffer of this size Node makes one trip to the thread pool per block.
 */
export function outputBound(length: number): number {
  return length + (length >>> 8) + 1024;
}
