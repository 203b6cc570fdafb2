import { toBackupError } from "./error.ts";

export interface Attempted {
  /** What was tried: `redis.backup`. */
  readonly operation: string;
  readonly database: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * What every method of an adapter owes its caller: it throws a `BackupError` that names the database and what was tried. Whatever an abort made fail, the abort is the
 * reason; after one, nothing is begun.
 */
export async function attempt<Result>(
  { operation, database, signal }: Attempted,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (error) {
    const thrown: unknown = signal?.aborted === true ? signal.reason : error;
    throw toBackupError(thrown, { operation, database });
  }
}
