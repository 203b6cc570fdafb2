import { BackupError } from "@sutazai/backup-core";

// A wall time is what a clock on the wall of the zone shows, as a number of milliseconds as if it were UTC.

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A moment at which the clocks of a zone are changed. */
export interface Transition {
  /** The first moment with the new offset. */
  readonly at: number;
  /** Milliseconds ahead of UTC, before and after. */
  readonly before: number;
  readonly after: number;
}

/** The zone of this host, as its clock is set. */
export function systemTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(timeZone, format);
    return format;
  } catch (error) {
    throw new BackupError("configuration", `there is no time zone ${JSON.stringify(timeZone)}`, {
      operation: "schedule",
      hint: "give one like Europe/Berlin or UTC; `timedatectl list-timezones` lists them",
      cause: error,
    });
  }
}

/** Milliseconds that the clocks of the zone are ahead of UTC at a moment. Throws `configuration` for a zone that there is none of. */
export function offsetAt(timeZone: string, at: number): number {
  const format = formatOf(timeZone);
  if (timeZone === "UTC") return 0;
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 0, day: date = 0, hour: hours = 0, minute: minutes = 0, second: seconds = 0 } = part;
  return Date.UTC(year, month - 1, date, hours, minutes, seconds) - Math.floor(at / 1000) * 1000;
}

/**
 * The moments at which the zone's clocks show a wall time: one as a rule, two in the hour that comes twice, none in the one that is left out.
 * Offsets a day before and after tell all there can be: no zone changes its clocks twice in two days.
 */
export function instantsOf(timeZone: string, wall: number): number[] {
  const offsets = new Set([offsetAt(timeZone, wall - day), offsetAt(timeZone, wall + day)]);
  return [...offsets]
    .map((offset) => wall - offset)
    .filter((instant) => instant + offsetAt(timeZone, instant) === wall)
    .sort((a, b) => a - b);
}

/** The changes of the zone's clocks in a time, in order. */
export function transitionsOf(timeZone: string, from: number, to: number): Transition[] {
  const found: Transition[] = [];
  // Weekly: those that lie nearest to each other, at the ends of Ramadan in Morocco, are four weeks apart.
  const step = 7 * day;
  let before = offsetAt(timeZone, from);
  for (let start = from; start < to; start += step) {
    const end = Math.min(start + step, to);
    const after = offsetAt(timeZone, end);
    if (after !== before) found.push({ at: momentOf(timeZone, start, end), before, after });
    before = after;
  }
  return found;
}

function momentOf(timeZone: string, from: number, to: number): number {
  const before = offsetAt(timeZone, from);
  let low = from;
  let high = to;
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (offsetAt(timeZone, middle) === before) low = middle;
    else high = middle;
  }
  // Clocks are changed at whole minutes.
  return Math.floor(high / minute) * minute;
}

/** The moment at which the clocks leave a wall time out: they never show it. Call it only where {@link instantsOf} finds none. */
export function jumpOver(timeZone: string, wall: number): number {
  const [transition] = transitionsOf(timeZone, wall - 2 * day, wall + 2 * day);
  return transition?.at ?? wall;
}
