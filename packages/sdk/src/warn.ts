import { toBackupError } from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";

type Told = Pick<SystemParts, "emit">;

/** What somebody should know, though it takes nothing away from what is done. */
export function warn({ emit }: Told, message: string, database?: string): void {
  emit({ type: "warning", at: new Date().toISOString(), message, ...(database !== undefined && { database }) });
}

/**
 * Gives back what an operation held, `what` for people. Where that fails the operation has come to what it has come to: it is a warning, and the
 * next command clears away what is left, as of a process that died.
 */
export function givenBack(parts: Told, what: string, held: AsyncDisposable): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await held[Symbol.asyncDispose]();
      } catch (error) {
        warn(parts, `${what} could not be cleared away: ${toBackupError(error).message}`);
      }
    },
  };
}
