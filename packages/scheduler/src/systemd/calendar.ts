import { BackupError } from "@sutazai/backup-core";
import { isLimited, type CronFields } from "../expression.ts";
import { fieldsOf, isEveryHour, type Schedule } from "../schedule.ts";
import { offsetAt, transitionsOf, type Transition } from "../time-zone.ts";

const minute = 60_000;
const hour = 60 * minute;
const year = 365.25 * 24 * hour;
// After so many years weekdays fall on the same dates again.
const horizon = 28 * year;

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * The schedule as `OnCalendar=` values of systemd that together elapse at the very moments of {@link nextRun}. systemd leaves out what falls
 * into the time that clocks leave out, and runs an hourly timer of a zone only once in the two hours that are called the same: so hours are counted in
 * UTC, and a line of its own covers the day of the change. Throws `unsupported` where that cannot be said exactly.
 */
export function onCalendar(schedule: Schedule, now: Date): string[] {
  const fields = fieldsOf(schedule);
  if (schedule.timeZone === "UTC") return calendars(fields, "UTC");
  const changes = transitionsOf(schedule.timeZone, now.getTime(), now.getTime() + horizon);
  if (isEveryHour(fields)) return everyHour(schedule, fields, changes, now);
  return [...calendars(fields, schedule.timeZone), ...atChanges(schedule, fields, changes)];
}

function everyHour(schedule: Schedule, fields: CronFields, changes: readonly Transition[], now: Date): string[] {
  const isDaily = (["days", "months", "weekdays"] as const).every((name) => !isLimited(fields, name));
  if (!isDaily && changes.length === 0) return calendars(fields, schedule.timeZone);
  const offsets = [offsetAt(schedule.timeZone, now.getTime()), ...changes.map(({ after }) => after)];
  const shifts = new Set(offsets.map((offset) => (((offset % hour) + hour) % hour) / minute));
  const [shift = 0, ...others] = shifts;
  if (!isDaily || others.length > 0) {
    throw inexact(schedule, "it counts hours on certain days of a zone whose clocks are changed");
  }
  const minutes = fields.minutes.map((value) => (value - shift + 60) % 60).sort((a, b) => a - b);
  return calendars({ ...fields, minutes }, "UTC");
}

/** Lines for the days on which clocks are put forward, where they leave out a time of the schedule: at the moment of the change. */
function atChanges(schedule: Schedule, fields: CronFields, changes: readonly Transition[]): string[] {
  const forward = changes.filter(({ before, after }) => after > before);
  const missed = forward.filter((change) => leavesOut(fields, change));
  if (missed.length === 0) return [];
  const months = new Set(missed.map(({ at, after }) => new Date(at + after).getUTCMonth()));
  return [...months].map((month) => {
    const inMonth = ({ at, after }: Transition) => new Date(at + after).getUTCMonth() === month;
    const rule = ruleOf(missed.filter(inMonth));
    if (rule === undefined || forward.filter(inMonth).length !== missed.filter(inMonth).length) {
      throw inexact(schedule, "on some days clocks are put forward over its time, and no rule says on which");
    }
    return `${rule} ${schedule.timeZone}`;
  });
}

function leavesOut(fields: CronFields, { at, before, after }: Transition): boolean {
  for (let wall = at + before; wall < at + after; wall += minute) {
    if (matches(fields, new Date(wall))) return true;
  }
  return false;
}

function matches(fields: CronFields, wall: Date): boolean {
  const isDay = fields.days.includes(wall.getUTCDate());
  const isWeekday = fields.weekdays.includes(wall.getUTCDay());
  const both = isLimited(fields, "days") && isLimited(fields, "weekdays");
  return (
    fields.minutes.includes(wall.getUTCMinutes()) &&
    fields.hours.includes(wall.getUTCHours()) &&
    fields.months.includes(wall.getUTCMonth() + 1) &&
    (both ? isDay || isWeekday : isDay && isWeekday)
  );
}

/** `Sun *-03-25..31 03:00:00`: the day and the time of changes that are made on the first, …, or last such weekday of a month, year by year. */
function ruleOf(changes: readonly Transition[]): string | undefined {
  const walls = changes.map(({ at, after }) => new Date(at + after));
  const [first] = walls;
  if (first === undefined) return undefined;
  const dates = walls.map((wall) => wall.getUTCDate());
  const from = Math.min(...dates);
  const to = Math.max(...dates);
  const years = new Set(walls.map((wall) => wall.getUTCFullYear()));
  const isRule =
    to - from === 6 &&
    years.size === walls.length &&
    walls.every((wall) => wall.getUTCDay() === first.getUTCDay() && timeOf(wall) === timeOf(first)) &&
    // Every year has one.
    Math.max(...years) - Math.min(...years) === years.size - 1;
  if (!isRule) return undefined;
  const month = two(first.getUTCMonth() + 1);
  return `${weekdays[first.getUTCDay()]} *-${month}-${two(from)}..${two(to)} ${timeOf(first)}`;
}

function timeOf(wall: Date): string {
  return wall.toISOString().slice(11, 19);
}

/** Two where day and weekday are both limited: a day counts that is either. */
function calendars(fields: CronFields, timeZone: string): string[] {
  const limited = { days: isLimited(fields, "days"), weekdays: isLimited(fields, "weekdays") };
  const time = `${component(fields, "hours")}:${component(fields, "minutes")}:00 ${timeZone}`;
  const day = (days: string) => `*-${component(fields, "months")}-${days} ${time}`;
  const named = `${fields.weekdays.map((weekday) => weekdays[weekday]).join(",")} `;
  return [
    ...(limited.days || !limited.weekdays ? [day(component(fields, "days"))] : []),
    ...(limited.weekdays ? [`${named}${day("*")}`] : []),
  ];
}

/** `*`, or the values, with `01..05` for what follows one another. */
function component(fields: CronFields, name: Exclude<keyof CronFields, "weekdays">): string {
  if (!isLimited(fields, name)) return "*";
  const values = fields[name];
  const groups: number[][] = [];
  for (const value of values) {
    const last = groups.at(-1);
    if (last?.at(-1) === value - 1) last.push(value);
    else groups.push([value]);
  }
  return groups
    .flatMap((group) => (group.length > 2 ? [`${two(group[0] ?? 0)}..${two(group.at(-1) ?? 0)}`] : group.map(two)))
    .join(",");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function inexact({ expression, timeZone }: Schedule, why: string): BackupError {
  return new BackupError(
    "unsupported",
    `a systemd timer cannot run exactly at "${expression}" in ${timeZone}: ${why}`,
    {
      operation: "schedule",
      hint: "choose another time, or --time-zone UTC, or install it as cron (--as cron), or run `sutazai-backup daemon`: both can",
    },
  );
}
