import { BackupError, type DatabaseRestoreResult, type RestoreReport } from "@sutazai/backup-core";
import { selectDatabases, type SystemParts } from "./context.ts";
import { Restoration } from "./restoration.ts";
import { conduct, type RunOptions } from "./run.ts";

export interface RestoreOptions extends RunOptions {
  /** Names; all databases unless given. Restored one after the other, in this order. */
  readonly databases?: readonly string[];
  /** A backup's id, for one database; the newest good one of each otherwise. */
  readonly backup?: string;
  /** The directory of a backup that is not in the store, for one database. */
  readonly file?: string;
  /** A form of the backup; its first otherwise. */
  readonly form?: string;
  /** One of the adapter's restore methods; its first otherwise. */
  readonly method?: string;
  /** One piece of it: a database of a cluster. */
  readonly only?: string;
  /** Take no backup of the present state first. What is there now can then be had back only while the restore runs. */
  readonly withoutSafetyBackup?: boolean;
  /** Restore though writers cannot be kept out: what they write meanwhile may be lost. */
  readonly unfenced?: boolean;
}

/**
 * Restores databases, each as a transaction: everything is checked before anything is touched, writers are fenced off, the
 * present state is backed up, every step is journalled, the result is validated, and on any failure all is put back.
 * Goes on with the others when one fails. Throws only where nothing could be begun.
 */
export async function runRestore(parts: SystemParts, options: RestoreOptions = {}): Promise<RestoreReport> {
  const adapters = selectDatabases(parts, options.databases);
  if ((options.backup ?? options.file) !== undefined && adapters.length !== 1) {
    throw new BackupError("configuration", "one backup goes with exactly one database", {
      operation: "restore",
      hint: "name the database: `restore <name> --backup <id>`, or `--file <directory>`",
    });
  }
  return conduct(parts, "restore", adapters, options, async (run) => {
    const results: DatabaseRestoreResult[] = [];
    for (const adapter of adapters) results.push(await new Restoration(parts, adapter, options, run).run());
    return results;
  });
}
