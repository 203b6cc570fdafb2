import { countingRules, type CountingRule, type RetentionPolicy } from "./policy.ts";
import { clockOf, periodOf } from "./periods.ts";

export const day = 86_400_000;

/** A backup at the time that it counts for. */
export interface Dated {
  readonly id: string;
  /** Milliseconds. */
  readonly time: number;
}

const units: Readonly<Record<CountingRule, readonly [one: string, several: string]>> = {
  keepLast: ["backup", "backups"],
  keepHourly: ["hour", "hours"],
  keepDaily: ["day", "days"],
  keepWeekly: ["week", "weeks"],
  keepMonthly: ["month", "months"],
  keepYearly: ["year", "years"],
};

/**
 * Which of these backups, newest first, the rules keep, and why; those of `restic forget`: each rule keeps the newest of every
 * period until it has used up its number, and while it has not, the oldest of all.
 */
export function keptByRules(
  backups: readonly Dated[],
  policy: RetentionPolicy,
  reference: number,
): Map<string, string[]> {
  const kept = new Map<string, string[]>();
  const keep = (id: string, reason: string) => kept.set(id, [...(kept.get(id) ?? []), reason]);
  if (policy.days > 0) {
    for (const { id, time } of backups) {
      if (time >= reference - policy.days * day) keep(id, `of the last ${policy.days} days`);
    }
  }
  const rules = countingRules.filter((rule) => policy[rule] > 0);
  if (rules.length === 0) return kept;
  const clock = clockOf(policy.timeZone);
  const onClock = backups.map(({ id, time }) => ({ id, wallTime: clock(time) }));
  for (const rule of rules) {
    const limit = policy[rule];
    const [one, several] = units[rule];
    const seen = new Set<string>();
    for (const [index, { id, wallTime }] of onClock.entries()) {
      if (seen.size >= limit) break;
      const period = rule === "keepLast" ? id : periodOf(rule, wallTime);
      if (!seen.has(period)) {
        keep(id, rule === "keepLast" ? `among the last ${limit}` : `the newest of the ${one} ${period}`);
      } else if (index === backups.length - 1) {
        keep(id, `the oldest, while there are fewer than ${limit} ${several}`);
      }
      seen.add(period);
    }
  }
  return kept;
}

/** Why no rule keeps a backup, rule by rule. */
export function whyNoRuleKeeps(policy: RetentionPolicy): string[] {
  return [
    ...(policy.days > 0 ? [`older than ${policy.days} days`] : []),
    ...countingRules
      .filter((rule) => policy[rule] > 0)
      .map((rule) =>
        rule === "keepLast"
          ? `not among the last ${policy.keepLast}`
          : `not the newest of one of the last ${policy[rule]} ${units[rule][1]}`,
      ),
  ];
}
