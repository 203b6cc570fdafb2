import { BackupError } from "@sutazai/backup-core";

/** A signal that follows `signal` and, after `ms`, carries a `timeout` error. Dispose it to stop the clock. */
export function timeLimit(
  signal: AbortSignal,
  ms: number,
  database: string,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(
      new BackupError("timeout", `${database} took longer than its time limit of ${formatMinutes(ms)}`, {
        database,
        hint: "raise `timeout` (BACKUP_TIMEOUT) if that is too short for its size",
      }),
    );
  }, ms);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function formatMinutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** Runs `work` over the items, at most `limit` at once; results in the items' order. `work` must not throw. */
export async function mapWithLimit<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, worker));
  return results;
}
