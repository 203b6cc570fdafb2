import type { DatabaseDrillResult } from "@sutazai/backup-core";
import type { BackupFact, ReportFacts } from "./facts.ts";
import type { Drill, MeasuredRestore } from "./parts.ts";

/** A drill is noted beside the backup a moment before its report says that it ended. */
const slack = 60_000;

/**
 * Newest first: from the reports of drills and of backups that were proven at once, and from what is noted beside the backups where no report
 * tells. Those of the window, and the newest proven one and the newest of all in any case.
 */
export function drillsOf(database: string, own: readonly BackupFact[], { reports, since }: ReportFacts): Drill[] {
  const reported = reports.flatMap((report): Drill[] => {
    if (report.report === "drill") {
      return report.databases
        .filter((result) => result.database === database)
        .map((result) => drillOf(result, result.endedAt, result.backup?.id, result.error?.message));
    }
    if (report.report !== "backup") return [];
    return report.databases.flatMap((result) =>
      result.database !== database || result.drill === undefined
        ? []
        : [drillOf(result.drill, result.endedAt, result.backup?.id, result.error?.message)],
    );
  });
  const noted = own
    .flatMap(({ drills }) => drills)
    .filter(
      (drill) =>
        !reported.some(
          ({ backup, at }) => backup === drill.backup && Math.abs(Date.parse(at) - Date.parse(drill.at)) < slack,
        ),
    );
  const all = [...reported, ...noted].sort((a, b) => (a.at < b.at ? 1 : -1));
  const proven = all.find(({ verdict }) => verdict === "proven");
  return all.filter((drill, index) => drill.at >= since || index === 0 || drill === proven);
}

function drillOf(
  { verdict, rto, forms }: Pick<DatabaseDrillResult, "verdict" | "rto" | "forms">,
  at: string,
  backup: string | undefined,
  reason: string | undefined,
): Drill {
  return {
    at,
    backup: backup ?? null,
    verdict,
    rto: rto ?? null,
    factsCompared: verdict === "proven" ? forms.reduce((sum, { factsCompared }) => sum + factsCompared, 0) : null,
    reason: verdict === "proven" ? null : (reason ?? null),
  };
}

/** The newest of what drills measured and of how long restores took. */
export function measuredRestoreOf(
  database: string,
  own: readonly BackupFact[],
  facts: ReportFacts,
): MeasuredRestore | null {
  const sizes = new Map(own.map(({ id, plainBytes }) => [id, plainBytes]));
  const drilled = drillsOf(database, own, { ...facts, since: "" }).flatMap(({ at, backup, rto }): MeasuredRestore[] =>
    rto === null || backup === null
      ? []
      : [{ ms: rto.ms, by: "drill", at, backup, plainBytes: sizes.get(backup) ?? null }],
  );
  const restored = own.flatMap(({ id, plainBytes, restores }) =>
    restores.map(({ at, ms }): MeasuredRestore => ({ ms, by: "restore", at, backup: id, plainBytes })),
  );
  return [...drilled, ...restored].sort((a, b) => (a.at < b.at ? 1 : -1))[0] ?? null;
}
