/** Adds up the time of what belongs together, in whole milliseconds. */
export class Stopwatch<Part extends string> {
  readonly #spent = new Map<Part, number>();

  async during<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.#spent.set(part, (this.#spent.get(part) ?? 0) + performance.now() - startedAt);
    }
  }

  of(part: Part): number {
    return Math.round(this.#spent.get(part) ?? 0);
  }
}
