import {
  nextRun,
  overdueSince,
  type Backend,
  type InstalledTask,
  type PlannedTask,
  type RunHistory,
  type SchedulePlan,
  type TaskHistory,
  type TaskRun,
} from "@sutazai/backup-scheduler";
import type { Settings } from "../config/settings.ts";
import type { BackupSystem } from "../system.ts";
import { scheduleOf, taskNames, type TaskName } from "./settings.ts";
import { scheduledTasks } from "./tasks.ts";

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
