import type {
  BackupReport,
  DatabaseBackupResult,
  DatabaseRestoreResult,
  RestoreReport,
  SerializedError,
} from "@sutazai/backup-core";
import { table } from "./table.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** A backup run as text for a terminal or a log: one line per database, then what is to be known and done. */
export function formatBackupReport(report: BackupReport): string {
  const rows = report.databases.map((result) => [
    result.database,
    result.status,
    formatDuration(durationOf(result)),
    result.backup === undefined ? "–" : formatBytes(result.backup.plainBytes),
    result.backup === undefined ? "–" : formatBytes(result.backup.storedBytes),
    result.backup === undefined
      ? "–"
      : `${result.backup.verified}, ${result.backup.forms.reduce((sum, { facts }) => sum + facts, 0)} facts`,
    result.backup?.id ?? "–",
  ]);
  return [
    `Backup ${report.runId}: ${report.status} in ${formatDuration(durationOf(report))}, into ${report.store}`,
    table(["database", "status", "time", "content", "stored", "verified", "backup"], rows),
    ...formsOf(report),
    ...report.databases.flatMap(remarksOfBackup),
  ].join("\n");
}

/** How and when each was captured, and what that cost the service. */
function formsOf({ databases }: BackupReport): string[] {
  const rows = databases.flatMap(({ database, startedAt, backup }) =>
    (backup?.forms ?? []).map(({ name, method, capture, pausedMs }) => [
      database,
      name,
      method,
      timeOf(startedAt),
      capture.from === capture.to ? timeOf(capture.from) : `${timeOf(capture.from)} – ${timeOf(capture.to)}`,
      pausedMs === 0 ? "none" : formatDuration(pausedMs),
    ]),
  );
  return rows.length === 0 ? [] : [table(["database", "form", "method", "begun (UTC)", "shows", "pause"], rows)];
}

/** `13:05:09.250`, of a moment as ISO 8601. */
function timeOf(moment: string): string {
  return moment.slice(11, 23).replace("Z", "");
}

/** A restore as text. */
export function formatRestoreReport(report: RestoreReport): string {
  const rows = report.databases.map((result) => [
    result.database,
    result.status,
    result.state,
    formatDuration(durationOf(result)),
    result.factsCompared === undefined ? "–" : `${result.factsCompared} facts equal`,
    result.backup ?? "–",
    result.safetyBackup ?? "none",
  ]);
  return [
    `Restore ${report.runId}: ${report.status} in ${formatDuration(durationOf(report))}, from ${report.store}`,
    table(["database", "status", "now", "time", "validated", "backup", "safety backup"], rows),
    ...report.databases.flatMap(remarksOfRestore),
    ...notRestored(report.databases),
  ].join("\n");
}

/** The last line of a restore that did not do all: which are not restored, and what they hold now. */
function notRestored(databases: readonly DatabaseRestoreResult[]): string[] {
  const failed = databases.filter(({ state }) => state !== "restored");
  if (failed.length === 0) return [];
  const each = failed.map(({ database, state }) => `${database} (${state})`).join(", ");
  return [`NOT restored: ${each}; restored: ${databases.length - failed.length} of ${databases.length}`];
}

function remarksOfBackup({ database, drill, incomplete, warnings, error }: DatabaseBackupResult): string[] {
  return [
    ...(drill?.rto === undefined
      ? []
      : [`    ${database}: proven by a drill, restored and checked within ${formatDuration(drill.rto.ms)}`]),
    ...remarksOfError(database, error),
    ...incomplete.map((reason) => `  ! ${database}: incomplete: ${reason}`),
    ...warnings.map((warning) => `  ! ${database}: ${warning}`),
  ];
}

function remarksOfRestore({ database, warnings, error, rollback, evidence }: DatabaseRestoreResult): string[] {
  return [
    ...remarksOfError(database, error),
    ...(rollback === undefined ? [] : [`    ${database}: rolled back, ${rollback}`]),
    ...evidence.map((line) => `    ${database}: ${line}`),
    ...warnings.map((warning) => `  ! ${database}: ${warning}`),
  ];
}

export function remarksOfError(database: string, error: SerializedError | undefined): string[] {
  if (error === undefined) return [];
  const hint = error.hint === undefined ? [] : [`    → ${error.hint}`];
  return [`  ✗ ${database}: ${error.reason}: ${error.message}`, ...hint];
}

export function durationOf({ startedAt, endedAt }: { readonly startedAt: string; readonly endedAt: string }): number {
  return Date.parse(endedAt) - Date.parse(startedAt);
}
