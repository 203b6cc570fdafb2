import { BackupError } from "@sutazai/backup-core";

/** Ends with its time, or with the caller's signal. Disposing stops the clock. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal;
  /** In terms of `performance.now()`. */
  readonly deadline: number;
  leftMs(): number;
}

export function startTimeLimit(limitMs: number, signal: AbortSignal | undefined): TimeLimit {
  const own = new AbortController();
  const deadline = performance.now() + limitMs;
  const timer = setTimeout(
    () => own.abort(new BackupError("timeout", `not all was told within ${limitMs / 1000} s`, { operation: "notify" })),
    limitMs,
  );
  return {
    signal: signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]),
    deadline,
    leftMs: () => Math.max(0, deadline - performance.now()),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
