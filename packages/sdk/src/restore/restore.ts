import {
  BackupError,
  type DatabaseAdapter,
  type DatabaseRestoreResult,
  type RestoreReport,
} from "@sutazai/backup-core";
import type { SystemParts } from "../context.ts";
import { selectForRestore } from "./not-here.ts";
import { targetIn } from "./into.ts";
import { Restoration } from "./restoration.ts";
import { conduct, type RunOptions } from "../run.ts";

export interface RestoreOptions extends RunOptions {
  /** Names, restored one after the other in this order; all databases unless given, in the order that the system was told. */
  readonly databases?: readonly string[];
  /** A backup's id, for one database; the newest good one of each otherwise. */
  readonly backup?: string;
  /** The directory of a backup that is not in the store, for one database. */
  readonly file?: string;
  /** Another container to restore one database into, by name or id: for staging, for migration. The database itself is not touched. */
  readonly into?: string;
  /** A form of the backup; its first otherwise. */
  readonly form?: string;
  /** One of the adapter's restore methods; its first otherwise. */
  readonly method?: string;
  /** One piece of it: a database of a cluster. */
  readonly only?: string;
  /** Remove what the server has and the backup does not, where it would otherwise be left alone. A method that cannot refuses. */
  readonly exact?: boolean;
  /** Take no backup of the present state first. What is there now can then be had back only while the restore runs. */
  readonly withoutSafetyBackup?: boolean;
  /** Restore though writers cannot be kept out: what they write meanwhile may be lost. */
  readonly unfenced?: boolean;
}

/** What a restore fills, and whose backups it takes. */
export interface RestoreTarget {
  readonly adapter: DatabaseAdapter;
  /** Name of the database that was backed up. */
  readonly source: string;
}

/**
 * Restores databases, each as a transaction: everything is checked before anything is touched, writers are fenced off, the
 * present state is backed up, every step is journalled, the result is validated, and on any failure all is put back.
 * Goes on with the others when one fails. Throws only where nothing could be begun.
 */
export async function runRestore(parts: SystemParts, options: RestoreOptions = {}): Promise<RestoreReport> {
  const targets = await targetsOf(parts, options);
  const adapters = targets.map(({ adapter }) => adapter);
  return conduct(parts, "restore", adapters, options, async (run) => {
    const results: DatabaseRestoreResult[] = [];
    for (const target of targets) results.push(await new Restoration(parts, target, options, run).run());
    return results;
  });
}

/** What is to be restored, in order. Throws `configuration` for what does not go together. */
export async function targetsOf(
  parts: SystemParts,
  { databases, backup, file, into }: RestoreOptions,
): Promise<RestoreTarget[]> {
  const isAll = databases === undefined || databases.length === 0;
  const selected = await selectForRestore(parts, databases);
  const adapters = isAll ? inOrder(selected, parts.restoreOrder) : selected;
  if ((backup ?? file ?? into) !== undefined && adapters.length !== 1) {
    const what = into === undefined ? "one backup goes" : "one container goes";
    throw new BackupError("configuration", `${what} with exactly one database`, {
      operation: "restore",
      hint: "name the database: `restore <name> --backup <id>`, `--file <directory>`, `--into <container>`",
    });
  }
  const targets = adapters.map((adapter) => ({ adapter, source: adapter.name }));
  if (into === undefined) return targets;
  return Promise.all(targets.map(async ({ source }) => ({ source, adapter: await targetIn(parts, source, into) })));
}

/** Those that the order names first, the others after them as they are configured. */
function inOrder(adapters: readonly DatabaseAdapter[], order: readonly string[]): DatabaseAdapter[] {
  const rank = ({ name }: DatabaseAdapter): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...adapters].sort((a, b) => rank(a) - rank(b));
}
