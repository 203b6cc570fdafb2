/** The last bytes of a stream, in bounded memory. */
export class Tail {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  write(chunk: Uint8Array): void {
    // Copied: a slice would keep the whole chunk it was cut from.
    this.#chunks.push(Uint8Array.from(chunk.subarray(-this.#limit)));
    this.#length += Math.min(chunk.length, this.#limit);
    if (this.#length > 2 * this.#limit || this.#chunks.length > 1024) this.#shrink();
  }

  toString(): string {
    this.#shrink();
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  #shrink(): void {
    const last = Buffer.concat(this.#chunks).subarray(-this.#limit);
    this.#chunks = [Uint8Array.from(last)];
    this.#length = last.length;
  }
}
