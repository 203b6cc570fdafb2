import { homedir } from "node:os";
import { BackupError, isBackupError } from "@sutazai/backup-core";
import {
  backendNames,
  backends,
  nextRuns,
  overdueSince,
  type Backend,
  type BackendName,
  type PlannedTask,
  type Schedule,
  type TaskRun,
  type TimerState,
} from "@sutazai/backup-scheduler";
import type { Problem } from "@sutazai/backup-reporter";
import { z } from "zod";
import type { Settings } from "../config/settings.ts";
import { plannedTasks, runHistory } from "../schedule/schedule.ts";
import { lastRuns } from "../schedule/status.ts";
import type { BackupSystem } from "../system.ts";

/** What makes runs begin on this host. */
export interface SchedulerStanding {
  /** Null: nothing is installed, and no daemon answers. */
  readonly by: BackendName | "daemon" | null;
  /** Those that it runs; where nothing does, those that are to run and have run before. */
  readonly tasks: readonly ScheduledTaskStanding[];
  /** Tasks that are to run by themselves. */
  readonly wanted: readonly string[];
  /** Whether any is. */
  readonly isWanted: boolean;
  /** The daemon that saw to them and was not told to end, for people; left out where there is none. */
  readonly died?: string;
}

export interface ScheduledTaskStanding {
  readonly task: string;
  readonly schedule: Schedule;
  /** When it should have run by, however it ended, and has not; null where it has. Of one that runs: when the next should have begun by. */
  readonly overdueSince: string | null;
  /** Null, or left out, where it does not run just now. */
  readonly runningSince?: string | null;
  /** What else is wrong with it: its timer is not active, its last run failed where nothing else tells. */
  readonly problem: string | null;
}

export interface SchedulerLook {
  readonly settings: Settings;
  readonly system: BackupSystem;
  readonly now?: Date;
  /** Where timers and crontabs are looked for: this host unless given. */
  readonly installed?: readonly Backend[];
}

/** Looks for timers, crontabs, and a daemon, and whether they have been firing. */
export async function lookAtScheduler({
  settings,
  system,
  now = new Date(),
  installed = ofThisHost(),
}: SchedulerLook): Promise<SchedulerStanding> {
  const planned = plannedTasks(settings);
  const wanted = planned.map(({ name }) => name);
  const isWanted = wanted.length > 0;
  const history = runHistory(settings, undefined, (message) => {
    throw new BackupError("permission", message, { operation: "schedule" });
  });
  const standingOf = async (
    { name: task, schedule }: Pick<PlannedTask, "name" | "schedule">,
    { problem: ofTimer }: Pick<TimerState, "problem"> = {},
  ): Promise<ScheduledTaskStanding> => {
    const { known } = await lastRuns(task, system, history);
    const runningSince = (await history.running(task))?.since ?? null;
    const ended = [known?.last?.startedAt, known?.lastSuccess].filter((at) => at !== undefined).sort();
    const overdueSince = lateSince(schedule, runningSince ?? ended.at(-1) ?? known?.since, now);
    return { task, schedule, overdueSince, runningSince, problem: ofTimer ?? failureOf(task, known?.last) };
  };
  for (const backend of installed) {
    const found = await backend.installed().catch(unlessCorrupt);
    if (found.length === 0) continue;
    const tasks = await Promise.all(found.map(async ({ task }) => standingOf(task, await backend.timerState(task))));
    return { by: backend.name, tasks: withMissingBackup(tasks, planned), wanted, isWanted };
  }
  const tasks = await askDaemon(settings, now);
  if (tasks !== undefined) return { by: "daemon", tasks: withMissingBackup(tasks, planned), wanted, isWanted };
  const daemons = await Promise.all(planned.map(async ({ name }) => ({ name, daemon: await history.attendant(name) })));
  const attended = planned.filter(({ name }) => daemons.some((each) => each.name === name && each.daemon?.isAlive));
  if (attended.length > 0) {
    const standings = await Promise.all(attended.map((task) => standingOf(task)));
    return { by: "daemon", tasks: withMissingBackup(standings, planned), wanted, isWanted };
  }
  const died = daemons.find(({ daemon }) => daemon !== undefined)?.daemon?.by;
  // Whatever ran them before, it makes nothing less urgent that it is gone.
  const remembered = await Promise.all(
    planned.map(async (task) => ((await history.read(task.name)) === undefined ? [] : [await standingOf(task)])),
  );
  return { by: null, tasks: remembered.flat(), wanted, isWanted, ...(died !== undefined && { died }) };
}

/** Drills and prunes without backups are hardly what somebody meant. */
function withMissingBackup(
  tasks: readonly ScheduledTaskStanding[],
  planned: readonly PlannedTask[],
): readonly ScheduledTaskStanding[] {
  const backup = planned.find(({ name }) => name === "backup");
  if (backup === undefined || tasks.some(({ task }) => task === "backup")) return tasks;
  const problem = "It is not among the tasks that run by themselves.";
  return [...tasks, { task: "backup", schedule: backup.schedule, overdueSince: null, problem }];
}

/** A cron that is not there has nothing installed. */
function unlessCorrupt(error: unknown): [] {
  if (isBackupError(error) && error.reason === "corrupt") throw error;
  return [];
}

function ofThisHost(): Backend[] {
  return (["system", "user"] as const).flatMap((scope) =>
    backendNames.map((name) => backends[name]({ place: { scope, root: "/", home: homedir() } })),
  );
}

/** When a run should have begun by since the last one, or since it is known; null where none is late. */
function lateSince(schedule: Schedule, last: string | undefined, now: Date): string | null {
  if (last === undefined) return null;
  return overdueSince({ schedule }, { since: last, runs: 0 }, now)?.toISOString() ?? null;
}

/** How backups and drills ended is in their reports; of the others only their history tells. */
function failureOf(task: string, last: Pick<TaskRun, "status" | "problem"> | undefined): string | null {
  if (last === undefined || last.status === "ok" || task === "backup" || task === "drill") return null;
  return `Its last run was ${last.status}${last.problem === undefined ? "" : `: ${last.problem}`}.`;
}

const health = z.object({
  tasks: z.array(
    z.object({
      task: z.string(),
      schedule: z.string(),
      timeZone: z.string(),
      last: z
        .object({
          startedAt: z.string(),
          status: z.enum(["ok", "partial", "failed", "cancelled"]),
          problem: z.string().optional(),
        })
        .optional(),
      overdueSince: z.string().optional(),
      runningSince: z.string().optional(),
    }),
  ),
});

/** What a daemon on this host says of its tasks; undefined where none answers. */
async function askDaemon(
  { daemon: { host, port } }: Settings,
  now: Date,
): Promise<ScheduledTaskStanding[] | undefined> {
  if (port === 0) return undefined;
  const address = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${address}:${port}/healthz`, { signal: AbortSignal.timeout(2000) });
    return health.parse(await answer.json()).tasks.map(({ task, schedule: expression, timeZone, last, ...rest }) => {
      const schedule = { expression, timeZone };
      const { runningSince = null } = rest;
      const begun = runningSince ?? last?.startedAt;
      const late = begun === undefined ? (rest.overdueSince ?? null) : lateSince(schedule, begun, now);
      return { task, schedule, overdueSince: late, runningSince, problem: failureOf(task, last) };
    });
  } catch {
    return undefined;
  }
}

/** How old a last good backup may be where backups are made by this schedule: one and a half times between two, and at most an hour more. */
export function rpoOf(schedule: Schedule, now: Date): number | undefined {
  const runs = nextRuns(schedule, now, 20).map((at) => at.getTime());
  const gaps = runs.slice(1).map((at, index) => at - (runs[index] ?? at));
  if (gaps.length === 0) return undefined;
  const longest = Math.max(...gaps);
  return Math.min(longest * 1.5, longest + 3_600_000);
}

/** What is wrong with it. */
export function schedulerProblems({ by, tasks, isWanted, died }: SchedulerStanding, at: string): Problem[] {
  const nothing = by === null && isWanted ? [nothingRuns(died, at)] : [];
  return [...nothing, ...tasks.flatMap((task) => taskProblems(task, at))];
}

function nothingRuns(died: string | undefined, at: string): Problem {
  return {
    cause: "schedule",
    severity: died === undefined ? "warning" : "critical",
    database: null,
    since: at,
    title: died === undefined ? "Nothing makes backups by itself" : "The daemon that makes backups has died",
    what: `No timer and no crontab is installed on this host, and ${died === undefined ? "no daemon answers" : `the daemon, ${died}, is no more`}.`,
    action: `${died === undefined ? "Run" : "Start it again, or run"} \`sutazai-backup schedule install\`; where something else starts backups, set BACKUP_SCHEDULES_BACKUP and the other schedules to off.`,
  };
}

function taskProblems(
  { task, overdueSince, runningSince = null, problem }: ScheduledTaskStanding,
  at: string,
): Problem[] {
  if (overdueSince === null && problem === null) return [];
  const rest = problem === null ? [] : [problem];
  const about = { cause: `schedule:${task}`, database: null, since: overdueSince ?? at };
  if (overdueSince !== null && runningSince !== null) {
    return [
      {
        ...about,
        // How old the last backup may be is told on its own.
        severity: "warning",
        title: `The scheduled ${task} is still running`,
        what: [
          `It is still running since ${runningSince}; the next should have begun by ${overdueSince}.`,
          ...rest,
        ].join(" "),
        action: "See in its log what it waits for; give it more time between two runs, or end it.",
      },
    ];
  }
  const late = overdueSince === null ? [] : [`It should have run by ${overdueSince}.`];
  return [
    {
      ...about,
      severity: task === "backup" ? "critical" : "warning",
      title: overdueSince === null ? `The scheduled ${task} does not go well` : `The scheduled ${task} did not run`,
      what: [...late, ...rest].join(" "),
      action: "Run `sutazai-backup schedule status`; where something else starts it, set its schedule to off.",
    },
  ];
}
