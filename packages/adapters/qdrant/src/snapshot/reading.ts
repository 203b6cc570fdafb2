import { BackupError } from "@sutazai/backup-core";

/** What a reading asks for next: so many bytes in one piece, or so many to be passed over. */
export type Wish = { readonly take: number } | { readonly skip: number } | { readonly zerosToEnd: true };

/** Reads a format piece by piece, with what it wishes for given back by `yield`. */
export type Reading<Result> = Generator<Wish, Result, Buffer>;

const nothing = Buffer.alloc(0);

/**
 * Feeds a reading with bytes as they pass by, so that a file can be read while it is stored. Holds no more than what the reading takes
 * in one piece. Damage is thrown as `corrupt`, with the byte at which it was met in `details.offset`.
 */
export class PushedReading<Result> {
  readonly #reading: Reading<Result>;
  #wish: Wish | undefined;
  #pieces: Uint8Array[] = [];
  #missing = 0;
  #offset = 0;
  #result: { readonly value: Result } | undefined;

  constructor(reading: Reading<Result>) {
    this.#reading = reading;
    this.#advance(nothing);
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#wish === undefined) throw damaged(this.#offset, "there is something behind its end");
      if ("zerosToEnd" in this.#wish) {
        const junk = chunk.subarray(at).findIndex((byte) => byte !== 0);
        if (junk !== -1) throw damaged(this.#offset + junk, "there is something behind the end mark");
        this.#offset += chunk.length - at;
        return;
      }
      const length = Math.min(this.#missing, chunk.length - at);
      if ("take" in this.#wish) {
        // A copy: the chunk belongs to whoever gets it next.
        this.#pieces.push(Buffer.from(chunk.subarray(at, at + length)));
      }
      at += length;
      this.#offset += length;
      this.#missing -= length;
      if (this.#missing === 0) this.#advance(Buffer.concat(this.#pieces));
    }
  }

  /** Throws where the reading wished for more. */
  end(): Result {
    if (this.#wish !== undefined && "zerosToEnd" in this.#wish) {
      this.#wish = { skip: 0 };
      this.#advance(nothing);
    }
    if (this.#result === undefined) throw damaged(this.#offset, "it ends too early");
    return this.#result.value;
  }

  #advance(taken: Buffer): void {
    this.#pieces = [];
    let given = taken;
    for (;;) {
      let step: IteratorResult<Wish, Result>;
      try {
        step = this.#reading.next(given);
      } catch (error) {
        if (error instanceof Damage) throw damaged(this.#offset, error.message);
        throw error;
      }
      if (step.done === true) {
        this.#wish = undefined;
        this.#result = { value: step.value };
        return;
      }
      this.#wish = step.value;
      this.#missing = "take" in step.value ? step.value.take : "skip" in step.value ? step.value.skip : 1;
      if (this.#missing > 0) return;
      given = nothing;
    }
  }
}

/** Thrown by a reading: what is wrong, without where. */
export class Damage extends Error {}

function damaged(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `the snapshot cannot be trusted, at byte ${offset}: ${problem}`, {
    operation: "qdrant.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
