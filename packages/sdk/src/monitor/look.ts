import { toBackupError } from "@sutazai/backup-core";
import type { MasterReport, Problem } from "@sutazai/backup-reporter";
import { budgetsOf, thresholdsOf, type BudgetSettings } from "./budget-settings.ts";
import type { SystemParts } from "../context.ts";
import { knownDatabases } from "../backup/expected.ts";
import { headOf } from "../verify/log-head.ts";
import { lookAtKeptStore } from "./kept-store.ts";
import { probeAll, probeProblems, type Probes } from "./probes.ts";
import { rpoOf, schedulerProblems, type SchedulerStanding } from "./schedule.ts";
import { gatherReport, type ReportOptions } from "../report/report.ts";

/** How everything stands at one moment. */
export interface Look {
  readonly at: string;
  /** That of the most severe problem; what is only to be known makes nothing less well. */
  readonly status: "ok" | "warning" | "critical";
  /** The most severe first. */
  readonly problems: readonly Problem[];
  /** Null where the store could not be read. */
  readonly report: MasterReport | null;
  /** Null where nobody was asked. */
  readonly probes: Probes | null;
  /** False where there may be more databases: they were to be found, and Docker could not be asked, or what it found before is not known. */
  readonly isWhole: boolean;
  /** Null where it was not looked at. */
  readonly scheduler: SchedulerStanding | null;
  /** Head of the store's log; null where it could not be read, or is empty. */
  readonly logHead: string | null;
  /** Whether the log was compared with the head that is kept of it, and with what is there. */
  readonly isLogCompared: boolean;
  /** What could not be looked at. */
  readonly notes: readonly string[];
}

export interface LookOptions {
  readonly budgets?: BudgetSettings | undefined;
  /** By database. */
  readonly budgetsOf?: Readonly<Record<string, BudgetSettings>> | undefined;
  /** Not looked at unless given. */
  readonly scheduler?: (() => Promise<SchedulerStanding>) | undefined;
  /** Ask Docker, the databases and the disks as well. */
  readonly probes: boolean;
  readonly signal: AbortSignal;
  readonly now?: Date;
}

/** Looks at the store, and at what else is asked for. Changes nothing, takes no lock, and does not throw for anything that is wrong: that is what it tells. */
export async function lookAt(parts: SystemParts, options: LookOptions): Promise<Look> {
  const { now = new Date(), signal } = options;
  const at = now.toISOString();
  const unfound = parts.discovery?.error;
  const notes = unfound === undefined ? [] : [`databases could not be looked for: ${unfound.message}`];
  const known = await knownDatabases(parts).catch((error: unknown) => {
    notes.push(`whether a database is missing could not be looked at: ${toBackupError(error).message}`);
    return { isWhole: false };
  });
  const [scheduler, probes] = await Promise.all([
    options.scheduler?.().catch((error: unknown) => {
      notes.push(`the schedule could not be looked at: ${toBackupError(error).message}`);
      return null;
    }) ?? null,
    options.probes ? probeAll(parts, signal) : null,
  ]);
  const system = { store: parts.store, databases: [...parts.databases.values()] };
  const problems: Problem[] = [];
  let report: MasterReport | null = null;
  try {
    report = await gatherReport(system, { now, ...known, ...expectations(options, scheduler, now) });
    notes.push(...report.notes);
    problems.push(...report.problems);
  } catch (thrown) {
    const { message, hint, reason } = toBackupError(thrown);
    problems.push({
      cause: "store",
      severity: "critical",
      database: null,
      since: at,
      title: "The store cannot be read",
      what: `${reason}: ${message}`,
      action: hint ?? "See whether its disk is there, and whether you may read it.",
    });
  }
  const kept = await lookAtKeptStore(parts, at);
  // One that is not there at all is told as the one that was there.
  if (kept.problems.some(({ cause }) => cause === "store-lost") && report === null) problems.length = 0;
  problems.push(...kept.problems);
  const log = kept.log ?? [];
  const clock = clockProblem(log.at(-1)?.at, now);
  if (clock !== undefined && !problems.some(({ cause }) => cause.startsWith("clock"))) problems.push(clock);
  if (probes !== null) problems.push(...probeProblems(probes, at));
  if (scheduler !== null) problems.push(...schedulerProblems(scheduler, at));
  if (report !== null && report.store.backups > 0) problems.push(unencrypted(parts.store.location, at));
  const sorted = problems.toSorted((one, other) => order[one.severity] - order[other.severity]);
  const worst = sorted[0]?.severity ?? "info";
  const status = worst === "info" ? "ok" : worst;
  return {
    at,
    status,
    problems: sorted,
    report,
    probes,
    isWhole: known.isWhole,
    scheduler,
    logHead: log.length > 0 ? headOf(log) : null,
    isLogCompared: kept.isCompared,
    notes,
  };
}

const order: Readonly<Record<Problem["severity"], number>> = { critical: 0, warning: 1, info: 2 };

/** What is configured over what follows from how often backups are made. */
export function expectations(
  { budgets = {}, budgetsOf: ofDatabases = {} }: Pick<LookOptions, "budgets" | "budgetsOf">,
  scheduler: SchedulerStanding | null,
  now: Date,
): Pick<ReportOptions, "budgets" | "budgetsOf" | "thresholds" | "thresholdsOf"> {
  const backups = scheduler?.tasks.find(({ task }) => task === "backup");
  const rpoMs = backups === undefined ? undefined : rpoOf(backups.schedule, now);
  const byDatabase = Object.entries(ofDatabases);
  return {
    budgets: { ...(rpoMs !== undefined && { rpoMs }), ...budgetsOf(budgets) },
    budgetsOf: Object.fromEntries(byDatabase.map(([name, own]) => [name, budgetsOf(own)])),
    thresholds: thresholdsOf(budgets),
    thresholdsOf: Object.fromEntries(byDatabase.map(([name, own]) => [name, thresholdsOf(own)])),
  };
}

/** One clock may be so far ahead of another. */
const clockSlack = 5 * 60_000;

function clockProblem(newest: string | undefined, now: Date): Problem | undefined {
  const ahead = newest === undefined ? 0 : Date.parse(newest) - now.getTime();
  if (!(ahead > clockSlack)) return undefined;
  return {
    cause: "clock",
    severity: "warning",
    database: null,
    since: now.toISOString(),
    title: "The clock of this machine is behind what the store holds",
    what: `The newest entry of the store's log is of ${newest}: ages cannot be told.`,
    action: "Set the clock of this machine (`timedatectl`).",
  };
}

function unencrypted(location: string, at: string): Problem {
  return {
    cause: "unencrypted",
    severity: "info",
    database: null,
    since: at,
    title: "The backups are not encrypted",
    what: `Whoever can read ${location} can read what the databases hold.`,
    action: "Keep the store on an encrypted disk, and let nobody else read it.",
  };
}
