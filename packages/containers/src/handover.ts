/**
 * Hands chunks from one writer to one reader. The writer asks `room()` after writing; it resolves when the reader has
 * taken enough. So no more than `limit` bytes and one socket's chunk are ever held.
 */
export class Handover implements AsyncIterableIterator<Uint8Array> {
  readonly #limit: number;
  readonly #abandoned: () => Promise<void>;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #end: { readonly error: unknown } | { readonly error?: undefined } | undefined;
  #reader:
    | { readonly resolve: (result: IteratorResult<Uint8Array>) => void; readonly reject: (error: unknown) => void }
    | undefined;
  #writer: (() => void) | undefined;

  /** `abandoned` is called where the reader leaves before the end. */
  constructor(limit: number, abandoned: () => Promise<void>) {
    this.#limit = limit;
    this.#abandoned = abandoned;
  }

  write(chunk: Uint8Array): void {
    if (this.#end !== undefined || chunk.length === 0) return;
    if (this.#reader !== undefined) {
      const { resolve } = this.#reader;
      this.#reader = undefined;
      resolve({ done: false, value: chunk });
      return;
    }
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  get isFull(): boolean {
    return this.#held >= this.#limit && this.#end === undefined;
  }

  room(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isFull) this.#writer = resolve;
      else resolve();
    });
  }

  /** What was written can still be read. */
  end(): void {
    this.#finish({});
  }

  /** What was written and not yet read is dropped: after a failure nothing more may look good. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#chunks = [];
    this.#held = 0;
    this.#finish({ error });
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#held -= chunk.length;
      if (!this.isFull) this.#wakeWriter();
      return { done: false, value: chunk };
    }
    if (this.#end !== undefined) {
      if (this.#end.error !== undefined) throw this.#end.error;
      return { done: true, value: undefined };
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    const left = this.#end === undefined || this.#chunks.length > 0;
    this.#chunks = [];
    this.#held = 0;
    this.#wakeWriter();
    if (left) await this.#abandoned();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#wakeWriter();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) return;
    if (end.error !== undefined) reader.reject(end.error);
    else reader.resolve({ done: true, value: undefined });
  }

  #wakeWriter(): void {
    const wake = this.#writer;
    this.#writer = undefined;
    wake?.();
  }
}
