const lastTurns = new Map<string, Promise<void>>();

/**
 * Runs one after the other what is asked for under the same key in this process, in order. For captures of one server that
 * would otherwise take each other's files: a save that is replaced before it was opened, snapshots of the same second and name. An abort ends the waiting at once.
 */
export async function inTurn<T>(key: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const before = lastTurns.get(key) ?? Promise.resolve();
  const { promise: done, resolve: release } = Promise.withResolvers<void>();
  const turn = before.then(() => done);
  lastTurns.set(key, turn);
  try {
    await orAbort(before, signal);
    return await run();
  } finally {
    release();
    void turn.then(() => {
      if (lastTurns.get(key) === turn) lastTurns.delete(key);
    });
  }
}

function orAbort(waiting: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  void waiting.then(resolve);
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}
