import type { Bytes } from "@sutazai/backup-core";

/**
 * The same bytes, while somebody else reads them too: each chunk goes on when the reader has done with it. The end is passed on only
 * when the reader has come to a result; what the reader throws is thrown here.
 */
export async function* whilePassing<Result>(
  bytes: Bytes,
  read: (bytes: Bytes) => Promise<Result>,
  settled: (result: Result) => void,
): Bytes {
  const hatch = new Hatch();
  let isOver = false;
  const reading = read(hatch).finally(() => {
    isOver = true;
    hatch.abandon();
  });
  // Told below; until then nobody listens.
  reading.catch(() => undefined);
  try {
    for await (const chunk of bytes) {
      await hatch.hand(chunk);
      // A reader that has ended early has failed, or found its end: both are told by its result.
      if (isOver) await reading;
      yield chunk;
    }
    hatch.end();
    settled(await reading);
  } finally {
    hatch.fail(new Error("the bytes were left unread"));
  }
}

/** One chunk at a time, from one writer to one reader. */
class Hatch implements AsyncIterable<Uint8Array> {
  #asked = Promise.withResolvers<void>();
  #given = Promise.withResolvers<Uint8Array | undefined>();

  constructor() {
    this.#given.promise.catch(() => undefined);
  }

  /** Resolves when the reader asks for the next one. */
  async hand(chunk: Uint8Array): Promise<void> {
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
    const given = this.#given;
    this.#given = Promise.withResolvers();
    this.#given.promise.catch(() => undefined);
    given.resolve(chunk);
    await this.#asked.promise;
  }

  end(): void {
    this.#given.resolve(undefined);
  }

  fail(error: Error): void {
    this.#given.reject(error);
  }

  /** The reader takes no more. */
  abandon(): void {
    const asked = this.#asked;
    this.#asked = { ...Promise.withResolvers<void>(), promise: Promise.resolve() };
    asked.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const given = this.#given.promise;
      this.#asked.resolve();
      const chunk = await given;
      if (chunk === undefined) return;
      yield chunk;
    }
  }
}
