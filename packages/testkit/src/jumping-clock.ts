/**
 * Stands in front of `Date` in this process: whoever asks for the time gets it with the jumps so far. Timers and `performance.now()`
 * run on, as they do when the clock of a machine is set. Disposing takes it away.
 */
export class JumpingClock implements Disposable {
  readonly #original = globalThis.Date;
  #offset = 0;

  constructor() {
    const now = (): number => this.#original.now() + this.#offset;
    globalThis.Date = new Proxy(this.#original, {
      construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
      get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    });
  }

  /** Milliseconds; back where negative. */
  jump(by: number): void {
    this.#offset += by;
  }

  [Symbol.dispose](): void {
    globalThis.Date = this.#original;
  }
}
