import { BackupError, toBackupError, type BackupErrorReason, type ThrowawayContainer } from "@sutazai/backup-core";
import type { DrillContext } from "./verify-restore.ts";

export type Phase = "start" | "restore" | "check";

/** What the backup is to blame for, once an empty server of its image has started and answered. All else kept us from trying. */
const findings: ReadonlySet<BackupErrorReason> = new Set([
  "corrupt",
  "incomplete",
  "mismatch",
  "restore-failed",
  "tool-failed",
]);

/** Whether a failure speaks against the backup, so that it counts as damaged. */
export function isFinding({ reason, details }: BackupError, phase: Phase): boolean {
  // What a record of the journal could not be settled for is what counts: that may be the disk of the journal.
  const innermost = (details["reason"] ?? reason) as BackupErrorReason;
  return phase !== "start" && findings.has(innermost) && details["outOfMemory"] !== true;
}

/** What a failure of a drill was, with what Docker knows of the server: a lack of memory shows as anything, a lost connection or a tool's failure. */
export async function explain(
  thrown: unknown,
  phase: Phase,
  container: ThrowawayContainer,
  memoryLimit: number,
  { signal }: DrillContext,
): Promise<BackupError> {
  const error = toBackupError(signal.aborted ? signal.reason : thrown, { operation: "drill" });
  if (signal.aborted) return error;
  // Where Docker does not answer, that is the failure.
  const outOfMemory = await container.ranOutOfMemory().catch(() => false);
  if (outOfMemory) {
    const limit = `${Math.round(memoryLimit / 1024 ** 2)} MiB`;
    return new BackupError("tool-failed", `the throwaway server ran out of its ${limit} of memory (${error.message})`, {
      operation: error.operation ?? "drill",
      ...(error.database !== undefined && { database: error.database }),
      hint: "raise `drillMemory` (BACKUP_DRILL_MEMORY); this says nothing about the backup",
      details: { outOfMemory: true },
      cause: error,
    });
  }
  if (phase === "start" || !findings.has(error.reason)) return error;
  // A server that cannot be asked any more may have been taken away by somebody: not a finding.
  const state = await container.inspect().catch((asking: unknown) => toBackupError(asking));
  return state instanceof Error ? state : error;
}
