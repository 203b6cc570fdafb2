import type { Bytes } from "@sutazai/backup-core";

export async function* streamOf(bytes: Uint8Array, chunkLength: number = 64 * 1024): Bytes {
  for (let start = 0; start < bytes.length; start += chunkLength) yield bytes.subarray(start, start + chunkLength);
}

export async function collect(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a promise was rejected with; undefined where it was not. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

/** Half words, half noise, the same every time: compresses, but not to nothing. */
export function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = index % 64 < 40 ? 97 + (index % 23) : state >>> 24;
  }
  return bytes;
}

/** Counts what is asked of a source, and whether it was released. */
export class Source {
  asked = 0;
  isReleased = false;
  readonly #chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#chunks) {
        this.asked += 1;
        yield chunk;
      }
    } finally {
      // Whoever leaves must wait for this.
      await new Promise((resolve) => setImmediate(resolve));
      this.isReleased = true;
    }
  }
}
