import { firstWallTime, isLimited, parseExpression, type CronFields } from "./expression.ts";
import { instantsOf, jumpOver, offsetAt } from "./time-zone.ts";

/** When something is to run: a cron expression, in a time zone. */
export interface Schedule {
  /** Five fields. */
  readonly expression: string;
  /** An IANA name: `Europe/Berlin`, `UTC`. */
  readonly timeZone: string;
}

const hour = 3_600_000;
const day = 24 * hour;
// By more than this no zone changes its clocks (Troll does, by two hours).
const largestChange = 3 * hour;

const parsed = new Map<string, CronFields>();

export function fieldsOf({ expression }: Schedule): CronFields {
  const known = parsed.get(expression);
  if (known !== undefined) return known;
  const fields = parseExpression(expression);
  parsed.set(expression, fields);
  return fields;
}

/** Throws `configuration` where the expression or the zone is none. */
export function assertSchedule(schedule: Schedule): void {
  offsetAt(schedule.timeZone, 0);
  fieldsOf(schedule);
}

/** Whether it runs in every hour of its days: then hours are counted as they pass, not as the clock shows them. */
export function isEveryHour(fields: CronFields): boolean {
  return !isLimited(fields, "hours");
}

/**
 * The first run after a moment. Where clocks are put forward, what was to run in the time that they leave out runs at the moment of the change, once; where
 * they are put back, it runs the first time. What runs every hour runs every hour that passes. Undefined where it never runs again.
 */
export function nextRun(schedule: Schedule, after: Date): Date | undefined {
  const fields = fieldsOf(schedule);
  const { timeZone } = schedule;
  const since = after.getTime();
  let best: number | undefined;
  const margin = mayChange(timeZone, since) ? largestChange : 0;
  let wall = firstWallTime(fields, new Date(since + offsetAt(timeZone, since) - margin));
  while (wall !== undefined) {
    const instants = runsAt(fields, timeZone, wall.getTime());
    for (const instant of instants) if (instant > since && (best === undefined || instant < best)) best = instant;
    // Wall times are in order, moments are not where clocks are put back.
    if (best !== undefined) {
      const reach = mayChange(timeZone, best) ? largestChange : 0;
      if (wall.getTime() >= best + offsetAt(timeZone, best) + reach) break;
    }
    wall = firstWallTime(fields, new Date(wall.getTime() + 1));
  }
  return best === undefined ? undefined : new Date(best);
}

/** The next so many runs after a moment, in order; fewer where there are no more. */
export function nextRuns(schedule: Schedule, after: Date, count: number): Date[] {
  const runs: Date[] = [];
  let last = after;
  while (runs.length < count) {
    const next = nextRun(schedule, last);
    if (next === undefined) break;
    runs.push(next);
    last = next;
  }
  return runs;
}

/**
 * When a run counts as missing: half of the time between two runs after the one that was expected. `last` is when it last ran well, or since when
 * it should. (An hourly one is missed after an hour and a half at most, a daily one after 36 hours.)
 */
export function overdueAt(schedule: Schedule, last: Date): Date | undefined {
  const [expected, following] = nextRuns(schedule, last, 2);
  if (expected === undefined) return undefined;
  const interval = (following ?? expected).getTime() - expected.getTime();
  return new Date(expected.getTime() + interval / 2);
}

function runsAt(fields: CronFields, timeZone: string, wall: number): number[] {
  const instants = instantsOf(timeZone, wall);
  if (isEveryHour(fields)) return instants;
  return instants.length === 0 ? [jumpOver(timeZone, wall)] : instants.slice(0, 1);
}

function mayChange(timeZone: string, at: number): boolean {
  return offsetAt(timeZone, at - day) !== offsetAt(timeZone, at + day);
}
