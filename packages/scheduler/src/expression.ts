import { BackupError } from "@sutazai/backup-core";
import { Cron } from "croner";

/** The values that each field of a cron expression allows, ascending. Weekdays from 0 (Sunday) to 6. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
}

interface Field {
  readonly name: keyof CronFields;
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { name: "minutes", from: 0, to: 59 },
  { name: "hours", from: 0, to: 23 },
  { name: "days", from: 1, to: 31 },
  {
    name: "months",
    from: 1,
    to: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "weekdays", from: 0, to: 7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/**
 * Reads a cron expression of five fields: numbers, names of months and weekdays, `*`, ranges, lists and steps; what all crons understand and
 * understand alike. Where day and weekday are both limited, a day counts that is either (as in every cron). Throws `configuration`.
 */
export function parseExpression(text: string): CronFields {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) {
    throw mistake(text, "it must have five fields: minute hour day month weekday");
  }
  const values = Object.fromEntries(
    fields.map((field, index) => [field.name, valuesOf(parts[index] ?? "", field, text)]),
  ) as unknown as CronFields;
  const [, , day = "", , weekday = ""] = parts;
  // With `*/2` beside a weekday some crons want both to hold, others either.
  if (isLimited(values, "days") && isLimited(values, "weekdays") && `${day},${weekday}`.includes("*")) {
    throw mistake(text, "crons disagree on a step of * in the day beside a limited weekday: list the days instead");
  }
  if (!isLimited(values, "weekdays") && firstWallTime(values, new Date(0)) === undefined) {
    throw mistake(text, "there is no such day in any year");
  }
  return values;
}

/** Whether a field leaves any value out. */
export function isLimited(values: CronFields, name: keyof CronFields): boolean {
  return values[name].length < everyValue[name];
}

const everyValue: Readonly<Record<keyof CronFields, number>> = {
  minutes: 60,
  hours: 24,
  days: 31,
  months: 12,
  weekdays: 7,
};

/** The first time that a clock on the wall shows, at or after `from`, and that the fields allow; wall times are dates as if in UTC. */
export function firstWallTime(values: CronFields, from: Date): Date | undefined {
  return cronOf(values).nextRun(new Date(from.getTime() - 1)) ?? undefined;
}

const crons = new WeakMap<CronFields, Cron>();

/** In UTC, where no clock is ever changed: croner does the calendar, {@link instantsOf} the time zone. */
function cronOf(values: CronFields): Cron {
  const known = crons.get(values);
  if (known !== undefined) return known;
  const list = (name: keyof CronFields) => (isLimited(values, name) ? values[name].join(",") : "*");
  const expression = fields.map(({ name }) => list(name)).join(" ");
  const made = new Cron(expression, { timezone: "UTC", paused: true, mode: "5-part" });
  crons.set(values, made);
  return made;
}

function valuesOf(text: string, field: Field, expression: string): number[] {
  const found = text.split(",").flatMap((item) => {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(item) ?? [];
    const [first = "", last, ...rest] = range.split("-");
    const from = range === "*" ? field.from : numberOf(first, field);
    const to = range === "*" ? field.to : last === undefined ? from : numberOf(last, field);
    const by = Number(step ?? 1);
    const isStepOfOne = step !== undefined && range !== "*" && last === undefined;
    if (from === undefined || to === undefined || rest.length > 0 || from > to || by < 1 || isStepOfOne) {
      throw mistake(expression, `"${item}" is no ${field.name.slice(0, -1)} from ${field.from} to ${field.to}`);
    }
    return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
  });
  const values = field.name === "weekdays" ? found.map((value) => value % 7) : found;
  return [...new Set(values)].sort((a, b) => a - b);
}

function numberOf(text: string, { from, to, names = [] }: Field): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  const value = named >= 0 ? named + from : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}

function mistake(text: string, what: string): BackupError {
  return new BackupError("configuration", `${JSON.stringify(text)} is no schedule: ${what}`, {
    operation: "schedule",
    hint: 'hourly, daily, weekly, or a cron expression like "30 4 * * 1-5" (at 04:30 on weekdays)',
  });
}
