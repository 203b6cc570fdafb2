import type { ReadableBackup } from "./facts.ts";

/** How far a clock may be ahead of ours before that means something. */
const toleranceMs = 10 * 60_000;

export interface Dating {
  /** When each backup counts as made, by id; milliseconds. */
  readonly times: ReadonlyMap<string, number>;
  /** What speaks against the clock, for people. */
  readonly doubts: readonly string[];
}

/**
 * When backups, newest first by sequence, were made. Numbers are certain, dates are not: a clock may jump. The most that agree with
 * their order, and with now, are believed; each of the others counts as made with the next newer one that is.
 */
export function dateBackups(backups: readonly ReadableBackup[], now: Date): Dating {
  const believed = longestInOrder(
    backups.toReversed().filter(({ startedAt }) => Date.parse(startedAt) <= now.getTime() + toleranceMs),
  );
  const times = new Map<string, number>();
  let newer = now.getTime();
  for (const { id, startedAt } of backups) {
    if (believed.has(id)) newer = Date.parse(startedAt);
    times.set(id, newer);
  }
  return { times, doubts: doubtsOf(backups, believed, now) };
}

function doubtsOf(backups: readonly ReadableBackup[], believed: ReadonlySet<string>, now: Date): string[] {
  const [newest] = backups;
  if (newest !== undefined && !believed.has(newest.id)) {
    const trouble =
      Date.parse(newest.startedAt) > now.getTime() ? `and it is ${now.toISOString()} now` : "before older ones";
    return [`the newest backup ${newest.id} is dated ${newest.startedAt}, ${trouble}: the clock has jumped`];
  }
  const misdated = backups.length - believed.size;
  // A few are told apart by those before and after them. With more, there is no telling which are right.
  return misdated * 4 > backups.length
    ? [`${misdated} of ${backups.length} backups are dated out of order: the clock has jumped`]
    : [];
}

/** Ids of a longest run, not necessarily without holes, whose dates never go back. Oldest first. Patience sorting. */
function longestInOrder(backups: readonly ReadableBackup[]): Set<string> {
  const times = backups.map(({ startedAt }) => Date.parse(startedAt));
  /** At each length, the index at which a run of that length ends earliest. */
  const ends: number[] = [];
  const previous: number[] = [];
  for (const [index, time] of times.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[ends[middle] ?? 0] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    previous[index] = ends[low - 1] ?? -1;
    ends[low] = index;
  }
  const found = new Set<string>();
  for (let index = ends.at(-1) ?? -1; index >= 0; index = previous[index] ?? -1) found.add(backups[index]?.id ?? "");
  return found;
}
