import { abortError } from "./classify-error.ts";

/** One at a time, in the order of asking. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Waits for the turn; disposing hands it on. An abort gives up the place. */
  async take(signal: AbortSignal): Promise<Disposable> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = before.then(() => turn.promise);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(abortError(signal, "containers.wait"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await Promise.race([before, aborted.promise]);
    } catch (error) {
      turn.resolve();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return { [Symbol.dispose]: () => turn.resolve() };
  }
}
