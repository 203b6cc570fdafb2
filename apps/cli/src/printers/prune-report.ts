import { describeForecast, formatBytes, table, type DatabasePruneResult, type PruneReport } from "@sutazai/backup-sdk";

/** A prune as text: every backup, whether it stays, and the first reason of each kind. */
export function formatPruneReport(report: PruneReport): string {
  if (report.databases.length === 0) return `${report.store} holds no backups`;
  return [
    ...report.databases.map((result) => formatDatabase(result, report)),
    formatTotal(report),
    ...formatReports(report),
    ...formatForecast(report),
  ].join("\n");
}

function formatDatabase(result: DatabasePruneResult, { dryRun }: PruneReport): string {
  const { database, status, policy, backups, deleted, error } = result;
  const gone = new Set(deleted);
  const fate = (id: string, action: "keep" | "delete") => {
    if (action === "keep") return "stays";
    if (gone.has(id)) return "deleted";
    return dryRun ? "would go" : "not deleted";
  };
  return [
    `${database}: ${status} (periods in ${policy.timeZone})`,
    table(
      ["backup", "is", "stored", "", "because"],
      backups.map(({ id, standing, bytes, action, reasons }) => [
        id,
        standing,
        standing === "unreadable" ? "–" : formatBytes(bytes),
        fate(id, action),
        reasons.join("; ").replaceAll("\n", " "),
      ]),
    ),
    ...(error === undefined ? [] : [`  ✗ ${database}: ${error.reason}: ${error.message}`]),
    ...(error?.hint === undefined ? [] : [`    → ${error.hint}`]),
  ].join("\n");
}

function formatReports({ dryRun, removedReports }: PruneReport): string[] {
  if (removedReports === 0) return [];
  return [`reports of runs that are too old: ${removedReports}, ${dryRun ? "which would be removed" : "removed"}`];
}

function formatForecast({ freedBytes, forecast: { before, after } }: PruneReport): string[] {
  if (freedBytes === 0) return [`the store: ${describeForecast(before)}`];
  return [`the store before: ${describeForecast(before)}`, `the store after: ${describeForecast(after)}`];
}

function formatTotal({ dryRun, databases, freedBytes }: PruneReport): string {
  const count = databases
    .map(({ backups, deleted }) =>
      dryRun ? backups.filter(({ action }) => action === "delete").length : deleted.length,
    )
    .reduce((sum, next) => sum + next, 0);
  const what = count === 1 ? "1 backup" : `${count} backups`;
  return dryRun
    ? `${what} would go, and free ${formatBytes(freedBytes)}; nothing was deleted`
    : `${what} deleted, ${formatBytes(freedBytes)} freed`;
}
