import { formatDuration } from "../units.ts";
import { anomaliesOf, type Thresholds } from "./anomalies.ts";
import type { ReportFacts, RunReport } from "./facts.ts";
import { severities, type Problem } from "./parts.ts";
import type { DatabaseStanding, StoreStanding } from "./report.ts";
import { storeProblems } from "./store-problems.ts";

/** What problems are derived from. */
export interface Assessable {
  readonly at: string;
  /** False where there may be databases that are not known. */
  readonly isWhole?: boolean | undefined;
  /** Those that were found before and are not found now. */
  readonly missing?: ReportFacts["missing"] | undefined;
  /** Those that are no more on purpose. */
  readonly retired?: readonly string[] | undefined;
  readonly store: StoreStanding;
  readonly databases: readonly Omit<DatabaseStanding, "status">[];
  /** Newest first. */
  readonly reports: readonly RunReport[];
  readonly brokenLog: string | null;
  /** From what on a backup is suspicious, where that is not as usual. */
  readonly thresholds?: Partial<Thresholds>;
  /** Of single databases. */
  readonly thresholdsOf?: Readonly<Record<string, Partial<Thresholds>>>;
}

/** A clock may be so far ahead of another, in milliseconds. */
const clockSlack = 5 * 60_000;

/** Everything that is wrong, the most severe first: pure, from facts alone. */
export function assess(facts: Assessable): Problem[] {
  const problems = [
    ...storeProblems(facts),
    ...facts.databases.flatMap((database) => [
      ...livingProblems(database, facts),
      ...damageProblems(database, facts.at),
      ...restoreProblems(database, facts.reports),
    ]),
  ];
  return problems.sort((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity));
}

type Database = Assessable["databases"][number];

/** What is wrong with how it is backed up; of one that is not there, that it is not, unless that is on purpose. */
function livingProblems(database: Database, facts: Assessable): Problem[] {
  const { missing = [], retired = [], at, thresholds, thresholdsOf } = facts;
  const name = database.database;
  const gone = missing.find((each) => each.database === name);
  if (gone !== undefined) return [missingProblem(name, gone.action, at)];
  if (retired.includes(name)) return [];
  return [
    ...runProblems(database),
    ...freshness(database, at),
    ...drillProblems(database, at),
    ...anomaliesOf(database, { ...thresholds, ...thresholdsOf?.[name] }),
  ];
}

function missingProblem(database: string, action: string, at: string): Problem {
  return {
    cause: `missing:${database}`,
    severity: "critical",
    database,
    since: at,
    title: `${database} is missing`,
    what: "It was found and backed up before, and its container is gone: nothing of it is backed up any more.",
    action: `${action}.`,
  };
}

function runProblems({ database, configured, lastRun }: Database): Problem[] {
  // How it went with one that is not to be backed up any more is past.
  if (!configured || lastRun === null || lastRun.status === "ok") return [];
  const { status, error, at } = lastRun;
  const words = { failed: "failed", partial: "is incomplete", cancelled: "was cancelled" } as const;
  return [
    {
      cause: `backup-${status}:${database}`,
      severity: status === "failed" ? "critical" : "warning",
      database,
      since: at,
      title: `The last backup of ${database} ${words[status]}`,
      what: error === null ? `Run ${lastRun.runId}` : `${error.reason}: ${error.message}`,
      action: error?.hint ?? `See what it says and run \`sutazai-backup backup ${database}\`.`,
    },
  ];
}

function freshness({ database, configured, lastGood, rpoMs, budgets, backups }: Database, at: string): Problem[] {
  // One whose container is gone is not configured any more: perhaps on purpose, perhaps not.
  const about = {
    cause: `no-good-backup:${database}`,
    severity: configured ? "critical" : "warning",
    database,
    action: configured
      ? `Run \`sutazai-backup backup ${database}\`, and see why the schedule did not.`
      : `It is neither configured nor does its container exist: where that is a mistake, \`sutazai-backup discover\` helps to mend it.`,
  } as const;
  if (lastGood === null || rpoMs === null) {
    const what =
      backups.length === 0
        ? "The store holds none of it: a loss now would be for good."
        : `None of the ${backups.length} in the store is whole, read to its end and undamaged.`;
    return [
      { ...about, since: backups.at(-1)?.capturedAt ?? at, title: `There is no good backup of ${database}`, what },
    ];
  }
  const ahead = Date.parse(lastGood.capturedAt ?? at) - Date.parse(at);
  if (ahead > clockSlack) {
    return [
      {
        cause: `clock:${database}`,
        severity: "warning",
        database,
        since: at,
        title: `The newest backup of ${database} is dated in the future`,
        what: `Its date is ${formatDuration(ahead)} ahead of this clock, so its age cannot be told.`,
        action: "Set the clock of this machine (`timedatectl`).",
      },
    ];
  }
  if (rpoMs <= budgets.rpoMs) return [];
  return [
    {
      ...about,
      since: new Date(Date.parse(lastGood.capturedAt ?? at) + budgets.rpoMs).toISOString(),
      title: `No good backup of ${database} for ${formatDuration(rpoMs)}`,
      what: `The last good one is ${lastGood.id}; the budget is ${formatDuration(budgets.rpoMs)}.`,
    },
  ];
}

function drillProblems(
  { database, configured, drills, rto, budgets, lastGood, backups }: Database,
  at: string,
): Problem[] {
  const problems: Problem[] = [];
  const action = `Run \`sutazai-backup verify ${database} --level restore\`.`;
  const [last] = drills;
  if (last !== undefined && last.verdict !== "proven") {
    const isDamaged = last.verdict === "damaged";
    problems.push({
      cause: `drill-failed:${database}`,
      severity: isDamaged ? "critical" : "warning",
      database,
      since: last.at,
      title: isDamaged ? `A backup of ${database} failed its drill` : `The last drill of ${database} could not be made`,
      what: last.reason ?? `Backup ${last.backup ?? "unknown"}: ${last.verdict}`,
      action: isDamaged ? `Run \`sutazai-backup backup ${database} --prove\`.` : action,
    });
  }
  const proven = drills.find(({ verdict }) => verdict === "proven");
  // Where there was none, it is due from the first backup on.
  const from = proven?.at ?? backups.findLast(({ capturedAt }) => capturedAt !== null)?.capturedAt ?? at;
  const age = Date.parse(at) - Date.parse(from);
  if (configured && lastGood !== null && age > budgets.drillMs) {
    problems.push({
      cause: `drill-overdue:${database}`,
      severity: "warning",
      database,
      since: new Date(Date.parse(from) + budgets.drillMs).toISOString(),
      title:
        proven === undefined
          ? `No backup of ${database} was ever restored in a drill`
          : `A drill of ${database} is overdue`,
      what: `${proven === undefined ? "There are backups of it for" : "The last that succeeded was"} ${formatDuration(age)}${proven === undefined ? "" : " ago"}; the budget is ${formatDuration(budgets.drillMs)}.`,
      action,
    });
  }
  if (rto !== null && rto.ms > budgets.rtoMs) {
    problems.push({
      cause: `rto:${database}`,
      severity: "warning",
      database,
      since: rto.at,
      title: `Restoring ${database} takes longer than it may`,
      what: `The last ${rto.by} took ${formatDuration(rto.ms)}; the budget is ${formatDuration(budgets.rtoMs)}.`,
      action: "Give the machine more, the database less, or the budget more time.",
    });
  }
  return problems;
}

function damageProblems({ database, backups, lastGood }: Database, at: string): Problem[] {
  const damaged = backups.filter(({ damage }) => damage !== null);
  const unreadable = backups.filter(({ problem }) => problem !== null);
  const severity = lastGood === null || [...damaged, ...unreadable].includes(backups[0]!) ? "critical" : "warning";
  return [
    ...(damaged.length === 0
      ? []
      : [
          {
            cause: `damaged:${database}`,
            severity,
            database,
            since: damaged.map(({ damage }) => damage?.at ?? at).sort()[0] ?? at,
            title: `${count(damaged.length)} of ${database} known to be damaged`,
            what: damaged.map(({ id, damage }) => `${id} (${damage?.level})`).join(", "),
            action: `Restore none of them; run \`sutazai-backup backup ${database}\`, and look at the disk.`,
          } as const,
        ]),
    ...(unreadable.length === 0
      ? []
      : [
          {
            cause: `unreadable:${database}`,
            severity,
            database,
            since: at,
            title: `${count(unreadable.length)} of ${database} cannot be read`,
            what: unreadable.map(({ id, problem }) => `${id}: ${problem}`).join("; "),
            action: "Run `sutazai-backup verify`, and look at the disk.",
          } as const,
        ]),
  ];
}

function count(number: number): string {
  return number === 1 ? "A backup" : `${number} backups`;
}

function restoreProblems({ database }: Database, reports: readonly RunReport[]): Problem[] {
  for (const report of reports) {
    if (report.report !== "restore") continue;
    const result = report.databases.find((candidate) => candidate.database === database);
    if (result === undefined) continue;
    if (result.status === "ok") return [];
    const unsettled = result.state === "unsettled";
    return [
      {
        cause: `restore-failed:${database}`,
        severity: unsettled ? "critical" : "warning",
        database,
        since: result.endedAt,
        title: unsettled ? `A restore of ${database} is unsettled` : `The last restore of ${database} did not succeed`,
        what: `It is ${result.state}${result.error === undefined ? "" : `: ${result.error.message}`}`,
        action: unsettled
          ? "Run `sutazai-backup recover`."
          : (result.error?.hint ?? `Run \`sutazai-backup restore ${database} --dry-run\`.`),
      },
    ];
  }
  return [];
}
