import type { RetentionPolicy } from "./policy.ts";
import { day, type Dated } from "./rules.ts";

interface Candidate extends Dated {
  readonly isGood: boolean;
  readonly isSafety: boolean;
  readonly goes: boolean;
}

/**
 * Whether half or more of a database's backups (safety backups counted apart) would go by age only because of unusually long gaps between
 * the good ones, newest first: that is what a clock that jumped ahead looks like, or a long time without backups.
 */
export function doubtsOfGaps(backups: readonly Candidate[], policy: RetentionPolicy, reference: number): string[] {
  const good = backups.filter(({ isGood }) => isGood);
  const gaps = good.slice(1).map((older, index) => (good[index]?.time ?? 0) - older.time);
  const usual = usualGap(gaps);
  let excess = 0;
  let newer: Dated | undefined;
  const sudden = backups.filter((backup) => {
    if (backup.isGood) {
      if (newer !== undefined) excess += Math.max(0, newer.time - backup.time - usual);
      newer = backup;
    }
    const window = (backup.isSafety ? policy.safetyDays : policy.days) * day;
    return window > 0 && backup.goes && backup.time < reference - window && backup.time + excess >= reference - window;
  });
  return [false, true].flatMap((safety) => {
    const of = (list: readonly Candidate[]) => list.filter(({ isSafety }) => isSafety === safety).length;
    if (of(sudden) === 0 || of(sudden) * 2 < of(backups)) return [];
    const days = Math.round(Math.max(...gaps) / day);
    return [
      `${of(sudden)} of ${of(backups)} ${safety ? "safety " : ""}backups would go by age at once, after ${days} days without a good backup: the clock has jumped, or backups had stopped`,
    ];
  });
}

/** Longer than three gaps in four are not; none is usual as long as there is but one. */
function usualGap(gaps: readonly number[]): number {
  if (gaps.length < 2) return 0;
  return gaps.toSorted((a, b) => a - b)[Math.floor((gaps.length - 1) * 0.75)] ?? 0;
}
