import type { Transform } from "node:stream";
import type { Zlib } from "node:zlib";
import { BackupError, type Bytes } from "@sutazai/backup-core";

/** Failures that are not the data's. */
const memoryCodes: readonly unknown[] = ["Z_MEM_ERROR", "ZSTD_error_memory_allocation"];

/**
 * Drives one of Node's decompression streams by hand: it is given a piece, and everything the piece expands to is given out before the next.
 * Nothing is read ahead, and a small piece that expands to gigabytes costs no more memory than any other.
 */
export class Inflation implements Disposable {
  readonly #stream: Transform & Zlib;
  readonly #toError: (cause: Error) => BackupError;
  #failure: Error | undefined;
  #hasEnded = false;
  #wake: () => void = () => undefined;

  /** `toError` says what a failure of the data means. */
  constructor(stream: Transform & Zlib, toError: (cause: Error) => BackupError) {
    this.#stream = stream;
    this.#toError = toError;
    stream.on("readable", () => this.#wake());
    stream.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    stream.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** How many of the given bytes belonged to the data; those behind its end do not. */
  get consumed(): number {
    return this.#stream.bytesWritten;
  }

  /** What the piece expands to. `piece` must not change before the last of it has been taken. */
  async *write(piece: Uint8Array): Bytes {
    let isTaken = false;
    this.#stream.write(piece, () => {
      isTaken = true;
      this.#wake();
    });
    yield* this.#until(() => isTaken);
  }

  /** What is left when no more pieces come; throws where the data is not at its end. */
  async *finish(): Bytes {
    this.#stream.end();
    yield* this.#until(() => this.#hasEnded);
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }

  async *#until(isDone: () => boolean): Bytes {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (let output = this.#stream.read(); output !== null; output = this.#stream.read()) yield output;
      if (this.#failure !== undefined) throw this.#explain(this.#failure);
      if (isDone()) return;
      await woken;
    }
  }

  #explain(failure: Error & { code?: unknown }): BackupError {
    return memoryCodes.includes(failure.code)
      ? new BackupError("unknown", "not enough memory to decompress", { cause: failure })
      : this.#toError(failure);
  }
}
