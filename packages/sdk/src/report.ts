import { toBackupError, toJson, type BackupReport, type RestoreReport } from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";

/**
 * Writes a report into the store and tells that the run has ended. A store that cannot take it (it may be full, which is
 * what the report says) does not take away what was found: that is a warning.
 */
export async function endRun(parts: SystemParts, name: string, report: BackupReport | RestoreReport): Promise<void> {
  const path = await parts.store.writeReport(name, toJson(report)).catch((error: unknown) => {
    const message = `the report could not be kept in the store: ${toBackupError(error).message}`;
    parts.emit({ type: "warning", at: new Date().toISOString(), message });
    return undefined;
  });
  const { runId, status, startedAt, endedAt } = report;
  const durationMs = Date.parse(endedAt) - Date.parse(startedAt);
  parts.emit({ type: "run-end", at: endedAt, runId, status, durationMs, ...(path !== undefined && { report: path }) });
}
