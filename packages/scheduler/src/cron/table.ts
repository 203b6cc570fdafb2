import { shellQuoted } from "@sutazai/backup-core";
import { headerOf, type Place, type PlannedTask, type SchedulePlan } from "../plan.ts";
import { fieldsOf } from "../schedule.ts";
import { offsetAt, systemTimeZone, transitionsOf } from "../time-zone.ts";

const hour = 3_600_000;

/**
 * The lines of one task. cron only wakes it, in every hour that might be the one, and the run looks itself whether it is due: whatever this cron makes of time
 * zones (only some know CRON_TZ) and of changed clocks, it runs once, at its time; and what was missed while the machine was off is made up for within the hour.
 */
export function tableOf(plan: SchedulePlan, task: PlannedTask, { scope }: Place, now: Date): string {
  const log = `${plan.logDirectory}/${task.name}.log`;
  const command = `${plan.wakeCommand(task).map(quote).join(" ")} >>${quote(log)} 2>&1`;
  const user = scope === "system" ? "root " : "";
  // In a crontab of a user they would hold for his own lines as well.
  const settings =
    scope === "system"
      ? `SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nMAILTO=""\n`
      : "";
  return `${headerOf(task)}# To ${task.describe}, at "${task.schedule.expression}" in ${task.schedule.timeZone}. cron only wakes it; whether a run is due it looks itself.
${settings}${wakeMinutes(task, now)} * * * * ${user}${command.replaceAll("%", "\\%")}
`;
}

/** The minutes of the hour at which a run may be due, by the clock of this host: zones differ by hours, a few by quarters of one. */
function wakeMinutes({ schedule }: PlannedTask, now: Date): string {
  const shifts = isWholeHours(schedule.timeZone, now) && isWholeHours(systemTimeZone(), now) ? [0] : [0, 15, 30, 45];
  const minutes = fieldsOf(schedule).minutes.flatMap((value) => shifts.map((shift) => (value + shift) % 60));
  const each = [...new Set(minutes)].sort((a, b) => a - b);
  return each.length === 60 ? "*" : each.join(",");
}

function isWholeHours(timeZone: string, now: Date): boolean {
  const changes = transitionsOf(timeZone, now.getTime(), now.getTime() + 366 * 24 * hour);
  return [offsetAt(timeZone, now.getTime()), ...changes.map(({ after }) => after)].every(
    (offset) => offset % hour === 0,
  );
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuoted(word);
}
