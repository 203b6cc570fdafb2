import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import {
  delayOf,
  dueAt,
  nextRun,
  outcomeOf,
  type PlannedTask,
  type RunHistory,
  type TaskRun,
} from "@sutazai/backup-scheduler";
import type { BackupSystem } from "../system.ts";
import type { TaskName } from "./settings.ts";
import { scheduledTasks, type TaskResult } from "./tasks.ts";

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
