import { dateBackups } from "./dating.ts";
import type { ReadableBackup, RetentionDecision, RetentionFacts, RetentionPlan, RetentionStanding } from "./facts.ts";
import { doubtsOfGaps } from "./gaps.ts";
import { includesLevel, type RetentionPolicy } from "./policy.ts";
import { day, keptByRules, whyNoRuleKeeps } from "./rules.ts";

/**
 * What of one database's backups stays and what may go, with every reason; a pure function of the facts. Whatever the policy, there stay:
 * all until a newer good one has passed the policy's level, the newest that has, the newest that is not empty, the newest safety
 * backup, what is pinned, in use or unreadable, and what any of these needs. Order is by sequence, never by date.
 */
export function planRetention(facts: readonly RetentionFacts[], policy: RetentionPolicy, now: Date): RetentionPlan {
  const backups = facts.filter((fact) => fact.unreadable === undefined).sort((a, b) => b.sequence - a.sequence);
  const { times, doubts } = dateBackups(backups, now);
  const standing = (fact: RetentionFacts) => standingOf(fact, policy);
  const isGood = (backup: ReadableBackup) => standing(backup) === "good";
  const lastGood = backups.find((backup) => isGood(backup) && includesLevel(backup.passed, policy.level));
  const reference = lastGood === undefined ? 0 : (times.get(lastGood.id) ?? 0);

  const kept = new Reasons();
  keepUntilProven(kept, backups, lastGood, policy);
  keepWhatIsNeeded(kept, facts, backups, isGood);
  keepByRules(kept, backups, lastGood, policy, (id) => ({ id, time: times.get(id) ?? 0 }));
  keepParents(kept, backups);

  const unusual = doubtsOfGaps(
    backups.slice(lastGood === undefined ? backups.length : backups.indexOf(lastGood)).map((backup) => ({
      id: backup.id,
      time: times.get(backup.id) ?? 0,
      isGood: isGood(backup),
      isSafety: backup.purpose === "safety",
      goes: !kept.has(backup.id),
    })),
    policy,
    reference,
  );
  return {
    decisions: facts.map((fact) => decide(fact, kept.of(fact.id), lastGood, policy)),
    unusual: [...doubts, ...unusual],
  };
}

class Reasons {
  readonly #reasons = new Map<string, string[]>();

  add(id: string, reason: string): void {
    this.#reasons.set(id, [...this.of(id), reason]);
  }

  of(id: string): readonly string[] {
    return this.#reasons.get(id) ?? [];
  }

  has(id: string): boolean {
    return this.#reasons.has(id);
  }
}

function keepUntilProven(
  kept: Reasons,
  backups: readonly ReadableBackup[],
  lastGood: ReadableBackup | undefined,
  { level }: RetentionPolicy,
): void {
  for (const { id, sequence } of backups) {
    if (lastGood === undefined || sequence > lastGood.sequence) kept.add(id, `no newer backup has passed ${level}`);
  }
  if (lastGood !== undefined) kept.add(lastGood.id, `the newest that has passed ${level}`);
}

function keepWhatIsNeeded(
  kept: Reasons,
  facts: readonly RetentionFacts[],
  backups: readonly ReadableBackup[],
  isGood: (backup: ReadableBackup) => boolean,
): void {
  const full = backups.filter(({ empty, damaged }) => !empty && !damaged);
  for (const backup of new Set([full.find(isGood), full[0]])) {
    if (backup !== undefined) kept.add(backup.id, "the newest that is not empty");
  }
  const safety = backups.find(({ purpose }) => purpose === "safety");
  if (safety !== undefined) kept.add(safety.id, "the newest safety backup");
  for (const { id, pinned, inUse } of backups) {
    if (pinned !== undefined) kept.add(id, `pinned: ${pinned}`);
    if (inUse !== undefined) kept.add(id, `in use: ${inUse}`);
  }
  for (const { id, unreadable, mayNeedOthers } of facts.filter((fact) => fact.unreadable !== undefined)) {
    kept.add(id, `its manifest cannot be read (${unreadable})`);
    if (!mayNeedOthers) continue;
    for (const other of backups) kept.add(other.id, `${id}, which cannot be read here, may need it`);
  }
}

/** Each standing is counted apart. What is not good goes once it is older than every good one that a rule keeps. */
function keepByRules(
  kept: Reasons,
  backups: readonly ReadableBackup[],
  lastGood: ReadableBackup | undefined,
  policy: RetentionPolicy,
  dated: (id: string) => { readonly id: string; readonly time: number },
): void {
  if (lastGood === undefined) return;
  const { time: reference } = dated(lastGood.id);
  const apply = (standing: RetentionStanding, after: number): number => {
    const counted = backups.filter((backup) => standingOf(backup, policy) === standing && backup.sequence > after);
    const found = keptByRules(
      counted.map(({ id }) => dated(id)),
      policy,
      reference,
    );
    for (const [id, reasons] of found) for (const reason of reasons) kept.add(id, wordOf(standing) + reason);
    return counted.findLast(({ id }) => found.has(id))?.sequence ?? lastGood.sequence;
  };
  const oldestGood = apply("good", 0);
  for (const standing of ["partial", "unproven", "damaged"] as const) apply(standing, oldestGood);
  for (const { id } of backups.filter(({ purpose }) => purpose === "safety")) {
    if (dated(id).time >= reference - policy.safetyDays * day) {
      kept.add(id, `a safety backup of the last ${policy.safetyDays} days`);
    }
  }
}

function keepParents(kept: Reasons, backups: readonly ReadableBackup[]): void {
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const visit = (backup: ReadableBackup): void => {
    for (const parent of backup.parents.flatMap((id) => byId.get(id) ?? [])) {
      const isNew = !kept.has(parent.id);
      kept.add(parent.id, `${backup.id} needs it`);
      if (isNew) visit(parent);
    }
  };
  for (const backup of backups.filter(({ id }) => kept.has(id))) visit(backup);
}

function decide(
  fact: RetentionFacts,
  reasons: readonly string[],
  lastGood: ReadableBackup | undefined,
  policy: RetentionPolicy,
): RetentionDecision {
  const { id } = fact;
  const standing = standingOf(fact, policy);
  if (reasons.length > 0 || lastGood === undefined) return { id, standing, action: "keep", reasons };
  const why = standing === "safety" ? [`older than ${policy.safetyDays} days`] : whyNoRuleKeeps(policy);
  return {
    id,
    standing,
    action: "delete",
    reasons: [
      ...why.map((reason) => wordOf(standing) + reason),
      `${lastGood.id} is newer and has passed ${policy.level}`,
    ],
  };
}

/** In front of a reason, where backups are counted apart. */
function wordOf(standing: RetentionStanding): string {
  return standing === "good" || standing === "safety" ? "" : `${standing}, counted apart: `;
}

function standingOf(fact: RetentionFacts, { level }: RetentionPolicy): RetentionStanding {
  if (fact.unreadable !== undefined) return "unreadable";
  if (fact.purpose === "safety") return "safety";
  if (fact.damaged) return "damaged";
  if (fact.status === "partial") return "partial";
  // Every backup passes `structure` as it is made. A higher level is asked of the newest alone: drills are rare.
  return includesLevel(fact.passed, level === "checksum" ? "checksum" : "structure") ? "good" : "unproven";
}
