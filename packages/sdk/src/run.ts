import {
  newId,
  overallOutcome,
  toBackupError,
  toJson,
  type BackupReport,
  type DatabaseAdapter,
  type DatabaseBackupResult,
  type DatabaseDrillResult,
  type DatabaseRestoreResult,
  type DrillReport,
  type RestoreReport,
} from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";
import { lockStore } from "./locks.ts";
import { followHead, prepareStore } from "./verify/log-head.ts";
import { settleDeadOperations } from "./recover.ts";
import { warn } from "./warn.ts";

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Wait for locks instead of failing with `locked`. */
  readonly wait?: boolean;
  /** Names the run in its reports, its log and the audit log; a new one unless given. */
  readonly runId?: string;
}

/** One invocation that works on several databases. */
export interface Run {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly wait: boolean;
}

type Reports = { readonly backup: BackupReport; readonly restore: RestoreReport; readonly drill: DrillReport };
type Report = Reports[keyof Reports];
type Result = DatabaseBackupResult | DatabaseRestoreResult | DatabaseDrillResult;

const reportName = { backup: "master_backup_report", restore: "restore_report", drill: "drill_report" } as const;

/**
 * Does what is the same for every run: makes sure of the store, makes it ready, locks it, settles what dead processes left, tells beginning and
 * end, and keeps the report.
 */
export async function conduct<Command extends keyof Reports>(
  parts: SystemParts,
  command: Command,
  adapters: readonly Pick<DatabaseAdapter, "name">[],
  options: RunOptions,
  work: (run: Run) => Promise<Reports[Command]["databases"]>,
): Promise<Reports[Command]> {
  const run = {
    runId: options.runId ?? newId(),
    signal: options.signal ?? new AbortController().signal,
    wait: options.wait ?? false,
  };
  // Who restores may have the backup elsewhere, and no time.
  await (command === "restore" ? parts.store.prepare() : prepareStore(parts));
  await using _lock = await lockStore(parts, "shared", run);
  await settleDeadOperations(parts);

  const startedAt = new Date().toISOString();
  parts.emit({
    type: "run-start",
    at: startedAt,
    runId: run.runId,
    command,
    databases: adapters.map(({ name }) => name),
  });
  const databases: readonly Result[] = await work(run);
  const logHead = await followHead(parts);
  const report = {
    report: command,
    version: 1,
    runId: run.runId,
    status: overallOutcome(databases.map(({ status }) => status)),
    startedAt,
    endedAt: new Date().toISOString(),
    store: parts.store.location,
    ...(logHead !== undefined && { logHead }),
    databases,
  } as Report as Reports[Command];
  await endRun(parts, `${reportName[command]}_${run.runId}.json`, report);
  return report;
}

/**
 * Writes the report into the store and tells that the run has ended. A store that cannot take it (it may be full, which is
 * what the report says) does not take away what was found: that is a warning.
 */
async function endRun(parts: SystemParts, name: string, report: Report): Promise<void> {
  const path = await parts.store.writeReport(name, toJson(report)).catch((error: unknown) => {
    warn(parts, `the report could not be kept in the store: ${toBackupError(error).message}`);
    return undefined;
  });
  const { runId, status, endedAt, logHead } = report;
  parts.emit({
    type: "run-end",
    at: endedAt,
    runId,
    status,
    durationMs: durationOf(report),
    ...(path !== undefined && { report: path }),
    ...(logHead !== undefined && { logHead }),
  });
}

export function tellStart(parts: SystemParts, { name, kind }: Pick<DatabaseAdapter, "name" | "kind">): Date {
  const started = new Date();
  parts.emit({ type: "database-start", at: started.toISOString(), database: name, kind });
  return started;
}

export function tellEnd(parts: SystemParts, result: Result): void {
  const { database, status, endedAt, backup, error } = result;
  const { id, plainBytes, storedBytes } = typeof backup === "object" ? backup : { id: backup };
  parts.emit({
    type: "database-end",
    at: endedAt,
    database,
    status,
    durationMs: durationOf(result),
    ...(id !== undefined && { backup: id }),
    ...(plainBytes !== undefined && { plainBytes }),
    ...(storedBytes !== undefined && { storedBytes }),
    ...(error !== undefined && { error }),
  });
}

function durationOf({ startedAt, endedAt }: { readonly startedAt: string; readonly endedAt: string }): number {
  return Date.parse(endedAt) - Date.parse(startedAt);
}
