import { toBackupError, type BackupReport } from "@sutazai/backup-core";
import type { SystemParts } from "../context.ts";
import { warn } from "../warn.ts";
import { findsAnything, type PruneOptions, type PruneReport } from "./prune.ts";

/**
 * Prunes what a run of backups backed up, where all of it went well and something is to go. It waits for nobody who uses the store, and whatever
 * goes wrong with it is a warning: the backups are made, and the next prune deletes the same.
 */
export async function pruneAfterBackup(
  parts: SystemParts,
  prune: (options: PruneOptions) => Promise<PruneReport>,
  { status, databases: backedUp }: BackupReport,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (status !== "ok") return;
  const databases = backedUp.map(({ database }) => database);
  const told = (message: string, database?: string) => warn(parts, `the prune after the backup: ${message}`, database);
  try {
    if (!(await findsAnything(parts, databases))) return;
    const report = await prune({ databases, ...(signal !== undefined && { signal }) });
    for (const { database, error } of report.databases) if (error !== undefined) told(error.message, database);
  } catch (error) {
    told(toBackupError(error).message);
  }
}
