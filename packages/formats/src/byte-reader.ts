import type { Bytes } from "@sutazai/backup-core";

const nothing = new Uint8Array(0);

/** Reads a stream by lengths instead of by chunks, and counts where it is. Disposing releases the stream. */
export class ByteReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = nothing;
  #offset = 0;

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** How many bytes have been read. */
  get offset(): number {
    return this.#offset;
  }

  /** The next bytes, at least one and at most `limit`, uncopied; undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(piece.length);
    this.#offset += piece.length;
    return piece;
  }

  /** Exactly `length` bytes, or fewer where the stream ends before. Holds them all: `length` must be bounded. */
  async exactly(length: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.some(missing);
      if (piece === undefined) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}
