import { hostname } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BackupError } from "@sutazai/backup-core";
import {
  backends,
  delayOf,
  detectBackend,
  dueAt,
  nextRun,
  nextRuns,
  outcomeOf,
  overdueSince,
  RunHistory,
  type Backend,
  type BackendName,
  type Change,
  type InstalledTask,
  type Place,
  type PlannedTask,
  type Schedule,
  type SchedulePlan,
  type TaskHistory,
  type TaskRun,
} from "@sutazai/backup-scheduler";
import { defaultDirectories } from "../config/directories.ts";
import type { Settings } from "../config/settings.ts";
import { scheduleOf, taskNames, taskTimes, type TaskName } from "./settings.ts";
import { scheduledTasks, type TaskResult } from "./tasks.ts";
import type { BackupSystem } from "../system.ts";

export interface PlanOptions {
  /** These alone; all that are not off unless given. */
  readonly tasks?: readonly TaskName[] | undefined;
  /** Stronger than the settings; of the tasks given, or of the backup where none are. */
  readonly schedule?: string | undefined;
}

/** The tasks that are to run, and when: what is asked for over what is configured over what is usual. Throws `configuration`. */
export function plannedTasks(
  settings: Pick<Settings, "schedules" | "timeZone" | "jitter">,
  { tasks, schedule }: PlanOptions = {},
): PlannedTask[] {
  const given = schedule === undefined ? [] : (tasks ?? ["backup"]);
  return (tasks ?? taskNames).flatMap((name) => {
    const text = (given.includes(name) ? schedule : settings.schedules[name]) ?? taskTimes[name].usual;
    if (text === "off" && tasks !== undefined) {
      throw new BackupError("configuration", `the schedule of ${name} is off`, {
        operation: "schedule",
        hint: `say when it is to run: schedules.${name}, or sutazai-backup schedule install daily --task ${name}`,
      });
    }
    if (text === "off") return [];
    const { describe } = taskTimes[name];
    const times = scheduleOf(name, text, settings.timeZone);
    return [{ name, describe, schedule: times, jitterMs: Math.min(settings.jitter, longestDelay(times)) }];
  });
}

/** Half of the time between two runs: a later one would be taken for the next. */
function longestDelay(schedule: Schedule): number {
  const [first, second] = nextRuns(schedule, new Date(), 2).map((at) => at.getTime());
  return first === undefined || second === undefined ? 0 : (second - first) / 2;
}

/** Where scheduled runs are remembered. */
export function runHistory(
  { stateDir }: Pick<Settings, "stateDir">,
  now?: () => Date,
  onProblem?: (message: string) => void,
): RunHistory {
  return new RunHistory(historyDirectory(stateDir), now, onProblem);
}

/** Variables for scheduled runs, one `NAME=value` a line: what is set in a shell is not set for them. Need not be there. */
export function scheduleEnvironmentFile(): string {
  return join(defaultDirectories().config, "environment");
}

function historyDirectory(stateDir: string): string {
  return join(stateDir, "schedule");
}

/** Throws `configuration` where a directory depends on where a run happens to be started. */
export function schedulePlan(
  {
    dir,
    stateDir,
    logDir,
    auditLog,
    metricsFile,
  }: Pick<Settings, "dir" | "stateDir" | "logDir" | "auditLog" | "metricsFile">,
  tasks: readonly PlannedTask[],
  commands: Pick<SchedulePlan, "command" | "wakeCommand">,
): SchedulePlan {
  for (const [setting, path] of Object.entries({ dir, stateDir, logDir, auditLog, metricsFile })) {
    if (path === undefined || isAbsolute(path)) continue;
    throw new BackupError("configuration", `${setting} is ${path}: a scheduled run would look for it elsewhere`, {
      operation: "schedule",
      hint: `write it as an absolute path`,
    });
  }
  const files = [auditLog, metricsFile].filter((path) => path !== undefined);
  const writable = [dir, stateDir, ...(logDir === undefined ? [] : [logDir]), ...files.map((path) => dirname(path))];
  // The monitor is to run where the store is not there: it tells of that.
  const mounts = ({ name }: PlannedTask) => (name === "monitor" ? [] : [dir]);
  return { tasks, ...commands, writable, mounts, logDirectory: historyDirectory(stateDir) };
}

/** The chosen backend, or the one that this host has. */
export async function openBackend(place: Place, name?: BackendName): Promise<Backend> {
  return backends[name ?? (await detectBackend({ place }))]({ place });
}

/** Installs the tasks of the plan, and removes those that are no longer in it where it `isWhole`. Installing the same again changes nothing. */
export async function installSchedule(
  backend: Backend,
  plan: SchedulePlan,
  { isWhole, history }: { readonly isWhole: boolean; readonly history: RunHistory | undefined },
): Promise<Change[]> {
  // From now on runs can be missed.
  for (const { name } of history === undefined ? [] : plan.tasks) await history?.open(name);
  const changes = await backend.install(plan);
  const wanted = new Set(plan.tasks.map(({ name }) => name));
  const left = (await backend.installed()).map(({ task }) => task.name).filter((name) => !wanted.has(name));
  return isWhole && left.length > 0 ? [...changes, ...(await backend.remove(left))] : changes;
}

/** How a task that is, or should be, installed stands. */
export interface ScheduleStatus {
  readonly task: string;
  /** As installed, or as it should be where it is not. */
  readonly schedule: string;
  readonly timeZone: string;
  readonly installed: boolean;
  /** The daemon that runs it, for people; left out where none does. */
  readonly daemon?: string;
  readonly next: string | undefined;
  readonly last: TaskRun | undefined;
  readonly lastSuccess: string | undefined;
  readonly running: string | undefined;
  /** What is not as it should be, each with what to do; empty where all is well. */
  readonly problems: readonly string[];
}

export interface StatusOptions {
  readonly system: BackupSystem;
  readonly history: RunHistory;
  readonly configured: Pick<Settings, "schedules" | "timeZone" | "jitter">;
  readonly now?: Date;
}

/** Compares what is installed with what this version would write, and looks whether it has been firing. */
export async function scheduleStatus(
  backend: Backend,
  plan: SchedulePlan,
  { system, history, configured, now = new Date() }: StatusOptions,
): Promise<ScheduleStatus[]> {
  const installed = await backend.installed();
  const wanted = plan.tasks.filter(({ name }) => installed.every(({ task }) => task.name !== name));
  const present = installed.map(async (one): Promise<ScheduleStatus> => {
    const { task } = one;
    const { problem } = await backend.timerState(task);
    const daemon = await livingDaemon(task, history);
    const ran = await ranSoFar(task, { system, history, now });
    return {
      ...ran,
      installed: true,
      ...(daemon !== undefined && { daemon }),
      problems: [
        ...differences(backend, plan, one),
        ...otherwiseConfigured(task, configured),
        ...(problem === undefined ? [] : [problem]),
        ...(daemon === undefined
          ? []
          : [`a daemon (${daemon}) runs it as well: end that, or \`sutazai-backup schedule remove\``]),
        ...ran.problems,
      ],
    };
  });
  const missing = wanted.map(async (task): Promise<ScheduleStatus> => {
    const daemon = await livingDaemon(task, history);
    if (daemon !== undefined) return { ...(await ranSoFar(task, { system, history, now })), installed: false, daemon };
    const died = await history.attendant(task.name);
    return {
      ...standing(task, now),
      installed: false,
      next: undefined,
      last: undefined,
      lastSuccess: undefined,
      running: undefined,
      problems: [
        died === undefined
          ? "it is not installed: `sutazai-backup schedule install`"
          : `the daemon that ran it (${died.by}) has died: start it again, or \`sutazai-backup schedule install\``,
      ],
    };
  });
  return (await Promise.all([...present, ...missing])).sort((a, b) => order(a.task) - order(b.task));
}

/** The daemon that runs a task, for people; undefined where none does. */
export async function livingDaemon(
  { name }: Pick<PlannedTask, "name">,
  history: RunHistory,
): Promise<string | undefined> {
  const daemon = await history.attendant(name);
  return daemon?.isAlive === true ? daemon.by : undefined;
}

/** When it runs, how it went so far, and what was not well with that. One that runs just now is not late. */
async function ranSoFar(
  task: PlannedTask,
  { system, history, now }: { readonly system: BackupSystem; readonly history: RunHistory; readonly now: Date },
) {
  const { known } = await lastRuns(task.name, system, history);
  const running = await history.runner(task.name);
  const overdue = known && running === undefined ? overdueSince(task, known, now) : undefined;
  return {
    ...standing(task, now),
    last: known?.last,
    lastSuccess: known?.lastSuccess,
    running,
    problems: [
      ...(known?.last === undefined || known.last.status === "ok"
        ? []
        : [`its last run was ${known.last.status}: ${known.last.problem ?? "see its report"}`]),
      ...(overdue === undefined ? [] : [`it has not run well when it should have by ${overdue.toISOString()}`]),
    ],
  };
}

function standing({ name, schedule }: PlannedTask, now: Date) {
  const { expression, timeZone } = schedule;
  return { task: name, schedule: expression, timeZone, next: nextRun(schedule, now)?.toISOString() };
}

function order(task: string): number {
  return taskNames.findIndex((name) => name === task);
}

function differences(backend: Backend, plan: SchedulePlan, { task, files }: InstalledTask): string[] {
  const expected = backend.render({ ...plan, tasks: [task] }).flatMap((each) => each.files);
  const again = "`sutazai-backup schedule install` writes it again";
  const changed = expected.flatMap(({ path, text }) => {
    const found = files.find((file) => file.path === path);
    if (found === undefined) return [`${path} is missing: ${again}`];
    return found.text === text ? [] : [`${path} is not what this version would write: ${again}`];
  });
  return changed;
}

/** What was said at the installation may differ from what is usual, not from what is configured. */
function otherwiseConfigured({ name, schedule }: PlannedTask, configured: StatusOptions["configured"]): string[] {
  const text = configured.schedules[name as TaskName];
  const wanted = text === undefined || text === "off" ? text : scheduleOf(name as TaskName, text, configured.timeZone);
  if (wanted === undefined || (wanted !== "off" && wanted.expression === schedule.expression)) return [];
  const said = wanted === "off" ? "off" : `"${wanted.expression}"`;
  return [
    `it runs at "${schedule.expression}", configured is ${said}: \`sutazai-backup schedule install\` follows the configuration`,
  ];
}

/** What is known of the runs of a task: by its history, and by the reports in the store. */
export async function lastRuns(
  task: string,
  system: BackupSystem,
  history: RunHistory,
): Promise<{
  readonly known: TaskHistory | undefined;
}> {
  const remembered = await history.read(task);
  const evidence = await scheduledTasks[task as TaskName]?.evidence?.(system);
  const success = [remembered?.lastSuccess, evidence?.toISOString()]
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  if (remembered === undefined && success === undefined) return { known: undefined };
  const base = remembered ?? { since: success ?? "", runs: 0 };
  return { known: { ...base, ...(success !== undefined && { lastSuccess: success }) } };
}

export type ScheduledRun =
  | { readonly outcome: "ran"; readonly result: TaskResult }
  | { readonly outcome: "not-due"; readonly next: string | undefined }
  | { readonly outcome: "busy"; readonly by: string | undefined };

export interface ScheduledRunOptions {
  readonly history: RunHistory;
  readonly signal: AbortSignal;
  /** Run only where a run by this schedule is due, after its delay. */
  readonly ifDue?: Pick<PlannedTask, "schedule" | "jitterMs"> | undefined;
  readonly now?: () => Date;
}

/** Does one task as its schedule wants it, and remembers how it ended. Throws what the task throws. */
export async function runScheduled(
  system: BackupSystem,
  name: TaskName,
  { history, signal, ifDue, now = () => new Date() }: ScheduledRunOptions,
): Promise<ScheduledRun> {
  const task = scheduledTasks[name];
  await using begun = await history.begin(name);
  if (begun === undefined) return { outcome: "busy", by: await history.runner(name) };
  if (ifDue !== undefined) {
    const next = await nextDue(system, name, ifDue, history, now());
    if (next === undefined || next > now()) return { outcome: "not-due", next: next?.toISOString() };
    await sleep(delayOf({ name, jitterMs: ifDue.jitterMs }, hostname()), undefined, { signal });
  }
  const { runs: count } = await history.open(name);
  const startedAt = now().toISOString();
  const end = (outcome: Pick<TaskRun, "status" | "problem">) =>
    begun.end({ startedAt, endedAt: now().toISOString(), ...outcome });
  try {
    const result = await task.run(system, { signal, count });
    await end({ status: result.status, ...(result.problem !== undefined && { problem: result.problem }) });
    return { outcome: "ran", result };
  } catch (thrown) {
    await end(outcomeOf(thrown));
    throw thrown;
  }
}

async function nextDue(
  system: BackupSystem,
  name: TaskName,
  planned: Pick<PlannedTask, "schedule">,
  history: RunHistory,
  now: Date,
): Promise<Date | undefined> {
  const task = scheduledTasks[name];
  const remembered = await history.read(name);
  if (remembered !== undefined && remembered.last !== undefined) return dueAt(planned, remembered);
  const evidence = await task.evidence?.(system);
  if (evidence === undefined && task.atOnce === true) return now;
  const { since } = await history.open(name);
  // One that never remembers when it was first looked at would never be due.
  if (evidence === undefined && history.isForgotten(name)) return now;
  return nextRun(planned.schedule, evidence ?? new Date(since));
}
