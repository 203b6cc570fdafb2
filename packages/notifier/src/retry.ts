import { setTimeout } from "node:timers/promises";
import { BackupError, isBackupError, toBackupError } from "@sutazai/backup-core";
import { retryAfterOf } from "./channel.ts";

/** How often and how soon one message is tried within one call. Milliseconds. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Limit for one attempt. */
  readonly attemptMs: number;
  /** The first pause; each further one is twice as long, less up to half of it by chance, so that many do not come back at once. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const defaultRetries: RetryPolicy = {
  attempts: 4,
  attemptMs: 10_000,
  firstPauseMs: 500,
  longestPauseMs: 10_000,
};

export type Tried<T> =
  | { readonly value: T; readonly attempts: number }
  | { readonly error: BackupError; readonly attempts: number };

/**
 * Tries until it succeeds, fails for good, the attempts or the time are used up; never throws. Where the other side asks for a longer
 * pause than the time that is left, that ends it too: the next call will be later. `deadline` in terms of `performance.now()`.
 */
export async function withRetries<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  policy: RetryPolicy,
  { signal, deadline }: { readonly signal: AbortSignal; readonly deadline: number },
): Promise<Tried<T>> {
  for (let made = 1; ; made += 1) {
    const outcome = await attemptWithin(attempt, policy.attemptMs, signal);
    if (!("error" in outcome)) return { value: outcome.value, attempts: made };
    const { error } = outcome;
    if (!error.isRetryable || signal.aborted || made >= policy.attempts) return { error, attempts: made };
    const pause = Math.max(retryAfterOf(error) ?? 0, pauseAfter(made, policy));
    if (performance.now() + pause >= deadline) return { error, attempts: made };
    const slept = await setTimeout(pause, true, { signal }).catch(() => false);
    if (!slept) return { error, attempts: made };
  }
}

export function pauseAfter(made: number, { firstPauseMs, longestPauseMs }: RetryPolicy): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (made - 1)) * (0.5 + Math.random() / 2);
}

/** One attempt under its own time limit. A channel that does not heed the signal is left behind. */
async function attemptWithin<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  limitMs: number,
  signal: AbortSignal,
): Promise<{ readonly value: T } | { readonly error: BackupError }> {
  const own = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  ended.catch(() => undefined);
  const stop = (reason: unknown): void => {
    own.abort(reason);
    reject(reason);
  };
  const onAbort = (): void => stop(signal.reason);
  const timer = globalThis.setTimeout(
    () => stop(new BackupError("timeout", `no answer within ${limitMs / 1000} s`)),
    limitMs,
  );
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return { value: await Promise.race([ended, attempt(own.signal)]) };
  } catch (error) {
    // However the channel put it: why it was stopped is what counts.
    const thrown = own.signal.aborted && !isBackupError(error) ? own.signal.reason : error;
    return { error: toBackupError(thrown, { operation: "notify" }) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
