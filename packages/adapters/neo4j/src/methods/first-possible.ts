import { BackupError, isBackupError } from "@sutazai/backup-core";

interface Failure<Method> {
  readonly method: Method;
  readonly error: BackupError;
}

export interface Taken<Method, Result> {
  readonly method: Method;
  readonly result: Result;
  /** Why those before it could not be taken, for people. */
  readonly passedOver: readonly string[];
}

/** Takes the first method that can be, in this order; another one only after an error that `mayPass`. Throws what the last one does, with what those before it did. */
export async function firstPossible<Method extends string, Result>(
  methods: readonly Method[],
  take: (method: Method) => Promise<Result>,
  mayPass: (method: Method, error: BackupError) => boolean,
): Promise<Taken<Method, Result>> {
  const failures: Failure<Method>[] = [];
  for (const [index, method] of methods.entries()) {
    try {
      const result = await take(method);
      const passedOver = failures.map(
        (failed) => `the method ${failed.method} could not be taken, ${method} was instead: ${failed.error.message}`,
      );
      return { method, result, passedOver };
    } catch (error) {
      const isLast = index === methods.length - 1;
      if (isLast || !isBackupError(error) || !mayPass(method, error)) throw withEarlier(error, failures);
      failures.push({ method, error });
    }
  }
  throw new Error("there was no method to take");
}

/** What was found on the way must not be lost: that a store is damaged matters more than that a copy took too long. */
function withEarlier(thrown: unknown, failures: readonly Failure<string>[]): unknown {
  const others = failures.filter(({ error }) => error !== thrown);
  if (!isBackupError(thrown) || thrown.reason === "cancelled" || others.length === 0) return thrown;
  const earlier = others.map(({ method, error }) => `${method}: ${error.message}`).join("; ");
  return new BackupError(thrown.reason, `${thrown.message}; before that, ${earlier}`, {
    ...thrown.toJSON(),
    cause: thrown,
  });
}
