import { toBackupError } from "@sutazai/backup-core";
import { outcomeOf } from "@sutazai/backup-scheduler";
import type { LoadOptions } from "../config/load.ts";
import { loadTelling } from "../config/telling.ts";
import { tellNotBegun } from "../notify/runs.ts";
import { notifierOf } from "../open.ts";
import { runHistory } from "./schedule.ts";
import type { TaskName } from "./settings.ts";
import { scheduledTasks } from "./tasks.ts";

/**
 * What is left to do of a scheduled run for which not even a system could be opened: it is remembered as failed, and told by whatever channels the
 * configuration has in order. Returns what went wrong with that; does not throw.
 */
export async function failedToOpen(name: TaskName, thrown: unknown, options: LoadOptions): Promise<readonly string[]> {
  const problems: string[] = [];
  try {
    const error = toBackupError(thrown);
    const { stateDir, channels, notifications } = await loadTelling(options);
    const at = new Date().toISOString();
    const history = runHistory({ stateDir }, undefined, (problem) => problems.push(problem));
    await using begun = await history.begin(name);
    await begun?.end({ startedAt: at, endedAt: at, ...outcomeOf(error) });
    const notifier = notifierOf({ channels, secrets: [], settings: { stateDir, notifications } });
    if (notifier !== undefined) problems.push(...(await tellNotBegun(notifier, scheduledTasks[name].command, error)));
  } catch (failure) {
    problems.push(toBackupError(failure).message);
  }
  return problems;
}
