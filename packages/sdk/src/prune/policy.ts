import { nextRuns } from "@sutazai/backup-scheduler";
import {
  retentionPolicy,
  setsRules,
  usualRetention,
  type RetentionPolicy,
  type RetentionSettings,
} from "@sutazai/backup-store";
import { scheduleOf, taskTimes, type ScheduleSettings } from "../schedule/settings.ts";

/** Retention as it is configured. A database's own settings win over the general ones. */
export interface RetentionConfig {
  /** The rules of a database for which none is set. */
  readonly usual?: RetentionSettings | undefined;
  readonly general?: RetentionSettings | undefined;
  readonly databases?: Readonly<Record<string, RetentionSettings>> | undefined;
}

/** The policy in force for a database, or in general. `rules` are the strongest. Throws `configuration` where nothing would be kept. */
export function policyOf(
  { usual, general, databases }: RetentionConfig,
  database?: string,
  rules?: RetentionSettings,
): RetentionPolicy {
  const given = [general, database === undefined ? undefined : databases?.[database], rules];
  return retentionPolicy(given.some(setsRules) ? undefined : usual, ...given);
}

/** A Monday: what follows from a schedule is the same on every day. */
const monday = new Date("2024-01-01T00:00:00Z");

/** The rules that fit the schedule of the backups. Where none is to make them, somebody else does, and nobody knows how often. */
export function usualRules(schedules: ScheduleSettings, timeZone: string): RetentionSettings {
  const { backup = taskTimes.backup.usual } = schedules;
  if (backup === "off") return usualRetention(undefined);
  const runs = nextRuns(scheduleOf("backup", backup, timeZone), monday, 15).map((at) => at.getTime());
  const [first = 0, last = first] = [runs[0], runs.at(-1)];
  return usualRetention(runs.length < 2 ? undefined : (last - first) / (runs.length - 1));
}
