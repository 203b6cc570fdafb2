import type { BackupReport, DrillReport } from "@sutazai/backup-core";
import { assess } from "./assess.ts";
import { drillsOf, measuredRestoreOf } from "./drills.ts";
import type { BackupFact, ReportFacts } from "./facts.ts";
import { forecast, storeHistory } from "./forecast.ts";
import type { Coverage, KeptBackup, Problem, Run, Sample, Severity } from "./parts.ts";
import { masterReportVersion, type DatabaseStanding, type MasterReport } from "./report.ts";

/** Draws the conclusions: pure, and the same for the same facts. */
export function masterReport(facts: ReportFacts): MasterReport {
  const reports = facts.reports.toSorted((a, b) => compare(b.startedAt, a.startedAt));
  const newestFirst = { ...facts, reports };
  const standings = namesOf(newestFirst).map((database) => standingOf(database, newestFirst));
  const storedBytes = sum(facts.backups, (backup) => backup.storedBytes);
  const history = storeHistory(facts, storedBytes);
  const store = {
    location: facts.store,
    backups: facts.backups.length,
    storedBytes,
    freeBytes: facts.freeBytes,
    forecast: forecast(history, facts.freeBytes),
    history,
  };
  // One that is there after all is looked at as any other.
  const retired = facts.retired?.filter((name) => facts.databases.every(({ database }) => database !== name));
  const problems = assess({ ...facts, retired, store, databases: standings, reports });
  const databases = standings.map((standing) => ({
    ...standing,
    status: worst(problems.filter(({ database }) => database === standing.database)),
    samples: standing.samples.filter(({ at }) => at >= facts.since),
  }));
  const ages = databases.map(({ rpoMs }) => rpoMs);
  const times = databases.map(({ rto }) => rto?.ms);
  return {
    report: "master",
    version: masterReportVersion,
    generatedAt: facts.at,
    since: facts.since,
    status: worst(problems),
    problems,
    notes: facts.notes,
    store,
    databases,
    rto: {
      ms:
        times.length === 0
          ? null
          : times.reduce<number | null>((total, ms) => (total === null || ms === undefined ? null : total + ms), 0),
      budgetMs: sum(databases, ({ budgets }) => budgets.rtoMs),
    },
    rpo: {
      ms:
        ages.length === 0
          ? null
          : ages.reduce((oldest, ms) => (oldest === null || ms === null ? null : Math.max(oldest, ms))),
    },
    coverage: coverageOf(facts.backups),
    runs: reports.filter(({ startedAt }) => startedAt >= facts.since).map(runOf),
  };
}

/** A database that is neither configured nor in the store is told of while its runs are. */
function namesOf({ databases, missing = [], backups, reports, since }: ReportFacts): string[] {
  const stored = backups.map(({ database }) => database).sort();
  const run = reports
    .filter(({ startedAt }) => startedAt >= since)
    .flatMap((report) => report.databases.map(({ database }) => database))
    .sort();
  return [...new Set([...[...databases, ...missing].map(({ database }) => database), ...stored, ...run])];
}

function standingOf(database: string, facts: ReportFacts): Omit<DatabaseStanding, "status"> & { status: "ok" } {
  const own = facts.backups
    .filter((backup) => backup.database === database)
    .toSorted((a, b) => (b.sequence ?? 0) - (a.sequence ?? 0));
  const lastGood = own.find(({ good, purpose }) => good && purpose === "backup");
  const last = lastRunOf(database, facts);
  return {
    database,
    kind:
      facts.databases.find((configured) => configured.database === database)?.kind ??
      own.find(({ kind }) => kind !== null)?.kind ??
      facts.missing?.find((missing) => missing.database === database)?.kind ??
      last?.result.kind ??
      null,
    status: "ok",
    configured: !isKnownWhole(facts) || facts.databases.some((known) => known.database === database),
    budgets: { ...facts.budgets, ...facts.budgetsOf[database] },
    lastRun: last === undefined ? null : last.run,
    lastGood: lastGood === undefined ? null : kept(lastGood),
    rpoMs: lastGood?.capturedAt == null ? null : Math.max(0, Date.parse(facts.at) - Date.parse(lastGood.capturedAt)),
    rto: measuredRestoreOf(database, own, facts),
    drills: drillsOf(database, own, facts),
    backups: own.map(kept),
    samples: samplesOf(database, own, facts),
    coverage: coverageOf(own),
  };
}

function isKnownWhole({ isWhole = true, databases }: ReportFacts): boolean {
  return isWhole && databases.length > 0;
}

function lastRunOf(database: string, { reports }: ReportFacts) {
  for (const report of reports) {
    if (report.report !== "backup") continue;
    const result = report.databases.find((candidate) => candidate.database === database);
    if (result === undefined) continue;
    const { status, startedAt, endedAt, error } = result;
    const run = {
      runId: report.runId,
      at: startedAt,
      status,
      durationMs: Date.parse(endedAt) - Date.parse(startedAt),
      error: error === undefined ? null : { reason: error.reason, message: error.message, hint: error.hint ?? null },
    };
    return { run, result };
  }
  return undefined;
}

/** Of the runs' reports, and of what is in the store without one. Safety backups are none: they come when they are needed, not in a row. */
function samplesOf(database: string, own: readonly BackupFact[], { reports }: ReportFacts): Sample[] {
  const samples = new Map<string, Sample>();
  const ids = new Set(own.map(({ id }) => id));
  for (const report of reports) {
    if (report.report !== "backup") continue;
    for (const { database: name, backup, startedAt, endedAt, status } of report.databases) {
      if (name !== database || backup === undefined) continue;
      const { id, plainBytes, storedBytes } = backup;
      const durationMs = Date.parse(endedAt) - Date.parse(startedAt);
      samples.set(id, { backup: id, at: startedAt, plainBytes, storedBytes, durationMs, status, kept: ids.has(id) });
    }
  }
  for (const { id, purpose, status, capturedAt, durationMs, plainBytes, storedBytes } of own) {
    if (purpose !== "backup" || status === null || capturedAt === null || durationMs === null) continue;
    if (samples.has(id)) continue;
    samples.set(id, { backup: id, at: capturedAt, plainBytes, storedBytes, durationMs, status, kept: true });
  }
  return [...samples.values()].sort((a, b) => compare(a.at, b.at));
}

function coverageOf(backups: readonly KeptBackup[]): Coverage {
  const counts = { restore: 0, structure: 0, checksum: 0, none: 0, damaged: 0, unknown: 0 };
  for (const { proven, damage, problem } of backups) {
    if (problem !== null) counts.unknown++;
    else if (damage !== null) counts.damaged++;
    else counts[proven?.level ?? "none"]++;
  }
  return { backups: backups.length, ...counts };
}

function runOf(report: ReportFacts["reports"][number]): Run {
  const { runId, report: command, status, startedAt, endedAt } = report;
  const results: readonly (BackupReport | DrillReport)["databases"][number]["error"][] = report.databases.map(
    ({ error }) => error,
  );
  return {
    runId,
    command,
    status,
    startedAt,
    durationMs: Date.parse(endedAt) - Date.parse(startedAt),
    databases: report.databases.map(({ database, status: outcome }, index) => {
      const error = results[index];
      return { database, status: outcome, reason: error === undefined ? null : `${error.reason}: ${error.message}` };
    }),
    freedBytes: report.report === "prune" ? report.freedBytes : null,
  };
}

function kept({ kind: _, drills: _drills, restores: _restores, ...backup }: BackupFact): KeptBackup {
  return backup;
}

function worst(problems: readonly Problem[]): "ok" | "warning" | "critical" {
  const found = new Set<Severity>(problems.map(({ severity }) => severity));
  return found.has("critical") ? "critical" : found.has("warning") ? "warning" : "ok";
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Of ISO times, which sort as text. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
