import { dirname, isAbsolute, join } from "node:path";
import { BackupError } from "@sutazai/backup-core";
import {
  backends,
  detectBackend,
  nextRuns,
  RunHistory,
  type Backend,
  type BackendName,
  type Change,
  type Place,
  type PlannedTask,
  type Schedule,
  type SchedulePlan,
} from "@sutazai/backup-scheduler";
import { defaultDirectories } from "../config/directories.ts";
import type { Settings } from "../config/settings.ts";
import { scheduleOf, taskNames, taskTimes, type TaskName } from "./settings.ts";

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
