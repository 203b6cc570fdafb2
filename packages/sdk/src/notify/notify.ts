import type { DatabaseStanding, MasterReport, Problem } from "@sutazai/backup-reporter";
import { formatDuration } from "@sutazai/backup-reporter";
import type { Delivery, Notice, PingDelivery, SafeBackup, Standing } from "@sutazai/backup-notifier";
import type { Look } from "../monitor/look.ts";
import type { Reached } from "../monitor/probes.ts";
import type { SchedulerStanding } from "../monitor/schedule.ts";

type Facts = "at" | "problems" | "report" | "probes" | "isWhole" | "scheduler" | "logHead" | "isLogCompared";

type Seen = Pick<Look, Facts> & {
  /** The command that looks, where it has run: then it could be begun. */
  readonly ran?: string | undefined;
};

/** Everything that is wrong as notices, and the end of what was told before and holds no longer. What was not looked at stays as it is. */
export function noticesOf(look: Seen, standings: readonly Standing[]): Notice[] {
  const firing = look.problems.map((problem) => firingNotice(problem, look));
  const holds = new Set(firing.map(({ cause }) => cause));
  const over = Map.groupBy(
    standings.filter((standing) => !holds.has(standing.cause) && wasLookedAt(standing, look)),
    ({ cause }) => cause,
  );
  return [...firing, ...[...over].map(([cause, open]) => resolvedNotice(cause, open, look))];
}

function firingNotice({ database, ...problem }: Problem, look: Seen): Notice {
  const databases = database === null ? [] : [database];
  const last = look.report?.databases.find((each) => each.database === database)?.lastRun;
  const isOfRun = problem.cause.startsWith("backup-");
  return {
    ...problem,
    state: "firing",
    databases,
    at: look.at,
    safe: safeOf(look.report, databases),
    ...factsOf(look.report, databases),
    ...(isOfRun && last != null && { runId: last.runId }),
    ...(look.logHead !== null && { logHead: look.logHead }),
  };
}

function resolvedNotice(cause: string, open: readonly Standing[], look: Seen): Notice {
  const [family, database] = split(cause);
  const databases = look.report?.databases.some((each) => each.database === database) ? [database ?? ""] : [];
  return {
    cause,
    severity: "info",
    state: "resolved",
    title: `Over: ${(phrases[family] ?? (() => cause))(database ?? "")}`,
    databases,
    what: "It was looked at again, and holds no longer.",
    since: open.map(({ since }) => since).sort()[0] ?? look.at,
    at: look.at,
    safe: safeOf(look.report, databases),
    action: "",
    ...(look.logHead !== null && { logHead: look.logHead }),
  };
}

/** What a cause is about, for the message that says it has passed. */
const phrases: Readonly<Record<string, (of: string) => string>> = {
  "backup-failed": (of) => `the last backup of ${of} failed`,
  "backup-partial": (of) => `the last backup of ${of} is incomplete`,
  "backup-cancelled": (of) => `the last backup of ${of} was cancelled`,
  "no-good-backup": (of) => `no good backup of ${of} for too long`,
  "drill-failed": (of) => `the last drill of ${of} failed`,
  "drill-overdue": (of) => `a drill of ${of} is overdue`,
  "restore-failed": (of) => `the last restore of ${of} did not succeed`,
  rto: (of) => `restoring ${of} takes longer than it may`,
  damaged: (of) => `backups of ${of} are damaged`,
  gone: (of) => `backups of ${of} are gone`,
  missing: (of) => `${of} is missing`,
  unreadable: (of) => `backups of ${of} cannot be read`,
  emptied: (of) => `${of} is empty`,
  size: (of) => `the size of the last backup of ${of} is unusual`,
  duration: (of) => `the last backup of ${of} took unusually long`,
  unreachable: (of) => `${of} cannot be reached`,
  clock: () => "the clock is wrong",
  docker: () => "Docker cannot be reached",
  "log-head": () => "whether the store is what it was cannot be told",
  "nothing-protected": () => "no database is backed up",
  "run-failed": (of) => `a ${of} could not be begun`,
  schedule: (of) => (of === "" ? "nothing makes backups by itself" : `the scheduled ${of} does not run as it should`),
  store: () => "the store cannot be read",
  "store-disk": () => "the store is on the databases' own disk",
  "store-full": () => "the store has too little room",
  "store-log": () => "the store's log is broken",
  "store-lost": () => "the store is not what it was",
  unencrypted: () => "the backups are not encrypted",
};

function split(cause: string): readonly [string, string?] {
  const colon = cause.indexOf(":");
  return colon < 0 ? [cause] : [cause.slice(0, colon), cause.slice(colon + 1)];
}

/** Where nobody looked, nothing is over: of what does not hold any more, whether it was asked, and answered. */
function wasLookedAt({ cause, since }: Standing, look: Seen): boolean {
  const { report, probes, isWhole, scheduler, logHead, isLogCompared, ran } = look;
  const [family, of] = split(cause);
  // Of one that is not there nobody knows how it is.
  if (look.problems.some((problem) => problem.cause === `missing:${of}`)) return false;
  const known = report?.databases ?? [];
  switch (family) {
    case "docker":
      return probes !== null && (probes.docker === null || isWhole);
    case "store-disk":
      // The files of one that did not answer may be anywhere.
      return report !== null && probes !== null && probes.reached.length > 0 && probes.reached.every(isAnswer);
    case "unreachable": {
      const reached = probes?.reached.find(({ database }) => database === of);
      // One that is none of the databases any more is not to be reached.
      return reached === undefined ? probes !== null && isWhole : isAnswer(reached);
    }
    case "schedule":
      return scheduler !== null && isScheduleKnown(scheduler, of);
    case "gone":
    case "store-lost":
    case "log-head":
      return isLogCompared;
    case "clock":
      return of === undefined ? logHead !== null : known.some(({ database }) => database === of);
    case "run-failed":
      return (
        ran === of || (report?.runs.some(({ command, startedAt }) => command === of && startedAt > since) ?? false)
      );
    case "missing":
      return report !== null && isWhole;
    case "nothing-protected":
      return known.length > 0;
    default:
      // What is neither configured nor in the store was not looked at, unless that is all there is.
      return report !== null && (of === undefined || isWhole || known.some(({ database }) => database === of));
  }
}

function isAnswer({ error }: Reached): boolean {
  return error === null;
}

/** Something runs what is to run by itself; or it is not to run any more. */
function isScheduleKnown({ by, tasks, wanted }: SchedulerStanding, of: string | undefined): boolean {
  if (of === undefined) return by !== null || wanted.length === 0;
  return tasks.some(({ task }) => task === of) || !wanted.includes(of);
}

/** The last good backups: of all databases where none is named. */
function safeOf(report: MasterReport | null, names: readonly string[]): SafeBackup[] {
  return about(report, names).map(({ database, lastGood }) => ({
    database,
    backup:
      lastGood === null
        ? null
        : { id: lastGood.id, at: lastGood.capturedAt ?? lastGood.endedAt ?? "", proven: lastGood.proven },
  }));
}

function factsOf(report: MasterReport | null, names: readonly string[]): Pick<Notice, "facts"> {
  const standings = about(report, names);
  if (standings.length === 0) return {};
  const rows = standings.map(({ database, lastRun, rpoMs, rto }) => [
    database,
    lastRun?.status ?? "none",
    rpoMs === null ? "no good backup" : formatDuration(rpoMs),
    rto === null ? "not measured" : formatDuration(rto.ms),
  ]);
  return { facts: { columns: ["database", "last run", "a loss now costs", "restore takes"], rows } };
}

function about(report: MasterReport | null, names: readonly string[]): readonly DatabaseStanding[] {
  return (report?.databases ?? []).filter(({ database }) => names.length === 0 || names.includes(database));
}

/** What went wrong with telling, a line for each channel. */
export function deliveryWarnings(deliveries: readonly (Delivery | PingDelivery)[]): string[] {
  const failed = deliveries.flatMap((delivery) => (delivery.outcome === "failed" ? delivery : []));
  const byChannel = Map.groupBy(failed, ({ channel }) => channel);
  const untold = [...byChannel].map(([channel, of]) => {
    const { error } = of[0]!;
    const pings = of.every((delivery) => "event" in delivery);
    return `${channel} could not be told${pings ? "" : ", and will be with the next run"}: ${error.reason}: ${error.message}`;
  });
  const odd = deliveries.flatMap((delivery) => ("problems" in delivery ? delivery.problems : []));
  return [...untold, ...new Set(odd)];
}
