import type { DatabaseDrillResult, DrillReport } from "@sutazai/backup-core";
import { table } from "./table.ts";
import { durationOf, remarksOfError } from "./text.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** A run of restore drills as text: one line per backup, then what is to be known and done. */
export function formatDrillReport(report: DrillReport): string {
  const rows = report.databases.map((result) => [
    result.database,
    result.backup?.id ?? "–",
    result.backup === undefined ? "–" : formatBytes(result.backup.plainBytes),
    result.backup === undefined ? "–" : formatDuration(result.backup.durationMs),
    result.rto === undefined ? "–" : formatDuration(result.rto.ms),
    restartCheckOf(result),
    result.verdict,
  ]);
  const proven = report.databases.filter(({ verdict }) => verdict === "proven").length;
  return [
    `Drill ${report.runId}: ${proven} of ${report.databases.length} proven in ${formatDuration(durationOf(report))}, from ${report.store}`,
    table(["database", "backup", "size", "backup time", "restore time", "restart check", "verdict"], rows),
    ...report.databases.flatMap(remarksOf),
    ...(proven > 0
      ? ["restore time: from the command to the last check, with reading the backup and all start-ups"]
      : []),
  ].join("\n");
}

function restartCheckOf({ forms }: DatabaseDrillResult): string {
  if (forms.length === 0) return "not reached";
  return forms
    .map(({ name, afterRestart, factsCompared }) => {
      const form = forms.length > 1 ? `${name}: ` : "";
      return `${form}${afterRestart}${afterRestart === "equal" ? ` in ${factsCompared} facts` : ""}`;
    })
    .join(", ");
}

function remarksOf({ database, warnings, error }: DatabaseDrillResult): string[] {
  return [...remarksOfError(database, error), ...warnings.map((warning) => `  ! ${database}: ${warning}`)];
}
