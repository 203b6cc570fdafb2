import { createHash } from "node:crypto";
import type { PlannedTask } from "./plan.ts";
import type { TaskHistory } from "./history.ts";
import { nextRun, overdueAt } from "./schedule.ts";

/** From when on a task's next run counts: its last one, however it ended, or else since when it is known. */
function baseOf({ since, last }: TaskHistory): Date {
  return new Date(last?.startedAt ?? since);
}

/** When it is to run next, by what it has done; in the past where a run was missed. Undefined where it never runs again. */
export function dueAt({ schedule }: Pick<PlannedTask, "schedule">, history: TaskHistory): Date | undefined {
  return nextRun(schedule, baseOf(history));
}

/** Since when a run that ends well is missing: undefined while none is. */
export function overdueSince(
  { schedule }: Pick<PlannedTask, "schedule">,
  { since, lastSuccess }: TaskHistory,
  now: Date,
): Date | undefined {
  const at = overdueAt(schedule, new Date(lastSuccess ?? since));
  return at !== undefined && at <= now ? at : undefined;
}

/** Milliseconds from 0 to the task's jitter: always the same for one task of one host. */
export function delayOf({ name, jitterMs }: Pick<PlannedTask, "name" | "jitterMs">, host: string): number {
  const share = createHash("sha256").update(`${host}\0${name}`).digest().readUIntBE(0, 6) / 2 ** 48;
  return Math.floor(share * jitterMs);
}
