import type { CountingRule } from "./policy.ts";

const hour = 3_600_000;
const day = 24 * hour;

/** Wall clock time in a zone: a `Date` whose UTC fields are the local ones, and how far it is from UTC. */
export interface WallTime {
  readonly date: Date;
  readonly offsetMs: number;
}

type Naming = (time: WallTime) => string;

const isoDate: Naming = ({ date }) => date.toISOString().slice(0, 10);

/** `keepLast` is not among them: it counts backups. */
const namings: Readonly<Record<Exclude<CountingRule, "keepLast">, Naming>> = {
  // With the offset: when clocks are set back, an hour comes twice.
  keepHourly: ({ date, offsetMs }) =>
    `${date.toISOString().slice(0, 13)}h (UTC${offsetMs < 0 ? "" : "+"}${offsetMs / hour})`,
  keepDaily: isoDate,
  keepWeekly: ({ date }) => isoWeek(date),
  keepMonthly: (time) => isoDate(time).slice(0, 7),
  keepYearly: (time) => isoDate(time).slice(0, 4),
};

/** The name of the period that a time lies in. */
export function periodOf(rule: Exclude<CountingRule, "keepLast">, time: WallTime): string {
  return namings[rule](time);
}

/** Reads a zone's clock. Times are milliseconds. */
export function clockOf(timeZone: string): (time: number) => WallTime {
  if (timeZone === "UTC") return (time) => ({ date: new Date(time), offsetMs: 0 });
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (time) => {
    const seconds = Math.floor(time / 1000) * 1000;
    const parts = Object.fromEntries(format.formatToParts(seconds).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day: dayOfMonth = 1, hour: hours = 0, minute = 0, second = 0 } = parts;
    const local = Date.UTC(year, month - 1, dayOfMonth, hours, minute, second);
    return { date: new Date(local), offsetMs: local - seconds };
  };
}

/** `2026-W48`: a week belongs to the year that its Thursday is in. */
function isoWeek(date: Date): string {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * day);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / day / 7) + 1;
  return `${year}-W${String(week).padStart(2, "0")}`;
}
