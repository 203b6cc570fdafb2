import { abortError } from "./classify-error.ts";

/** So many at a time, in the order of asking. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Waits for a turn; disposing hands it on. An abort gives up the place. */
  async take(signal: AbortSignal): Promise<Disposable> {
    if (signal.aborted) throw abortError(signal, "containers.wait");
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#handOn();
        isHeld = false;
      },
    };
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      reject(abortError(signal, "containers.wait"));
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.push(resolve);
    return promise.finally(() => signal.removeEventListener("abort", abort));
  }

  #handOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
