import type { ReportFacts } from "./facts.ts";
import type { Forecast } from "./parts.ts";
import type { StoreStanding } from "./report.ts";
import { slope } from "./statistics.ts";

const day = 86_400_000;
/** Days with changes to the store on them, before a rate is more than a guess. */
const fewestDays = 3;
/** The rate is that of so many of the last days: two weeks have two of each weekday, and a change of retention is soon forgotten. */
const mostDays = 14;
/** Days after which a date says nothing. */
const farthest = 3650;

/**
 * What the store held at the end of each day (UTC) of the window, and now: counted back from what it holds now, through what was
 * published and deleted since. Days before the first change known are left out.
 */
export function storeHistory({ at, since, changes }: ReportFacts, storedBytes: number): StoreStanding["history"] {
  const now = Date.parse(at);
  const latestFirst = changes
    .map((change) => ({ at: Date.parse(change.at), bytes: change.bytes }))
    .filter((change) => change.at <= now)
    .sort((a, b) => b.at - a.at);
  const first = latestFirst.at(-1)?.at;
  if (first === undefined) return [];
  const begin = Math.max(Date.parse(since), first);
  const history = [{ at: new Date(now).toISOString(), storedBytes }];
  let bytes = storedBytes;
  let next = 0;
  for (let end = Math.floor(now / day) * day; end > begin; end -= day) {
    for (; next < latestFirst.length; next++) {
      const change = latestFirst[next];
      if (change === undefined || change.at < end) break;
      bytes -= change.bytes;
    }
    // The last millisecond of the day before.
    history.push({ at: new Date(end - 1).toISOString(), storedBytes: Math.max(0, bytes) });
  }
  return history.toReversed();
}

/** The same once so many bytes are freed: what a report will say then. */
export function forecastAfter({ history, freeBytes }: StoreStanding, freedBytes: number): Forecast {
  const newest = history.length - 1;
  const freed = history.map(({ at, storedBytes }, index) => ({
    at,
    storedBytes: index === newest ? Math.max(0, storedBytes - freedBytes) : storedBytes,
  }));
  return forecast(freed, freeBytes === null ? null : freeBytes + freedBytes);
}

/** When free space ends if the store goes on as it did lately: a straight line through what it held, day by day, with what prunes freed. */
export function forecast(history: StoreStanding["history"], freeBytes: number | null): Forecast {
  if (history.length < fewestDays) {
    return {
      known: false,
      reason: `too little data: ${history.length} of at least ${fewestDays} days`,
    };
  }
  const bytesPerDay =
    slope(history.slice(-mostDays).map(({ at, storedBytes }) => ({ x: Date.parse(at) / day, y: storedBytes }))) ?? 0;
  const newest = history.at(-1)?.at ?? "";
  const days = freeBytes === null || bytesPerDay <= 0 ? null : freeBytes / bytesPerDay;
  if (days === null || days > farthest) return { known: true, bytesPerDay, fullAt: null, days: null };
  return { known: true, bytesPerDay, days, fullAt: new Date(Date.parse(newest) + days * day).toISOString() };
}
