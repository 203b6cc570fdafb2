import fc from "fast-check";
import { expect, test } from "vitest";
import {
  includesLevel,
  planRetention,
  retentionPolicy,
  type ReadableBackup,
  type RetentionPolicy,
} from "../../src/index.ts";
import { after, backup, day, histories, idsDeleted, idsKept, policies } from "./samples.ts";

const runs = { numRuns: 2000 };

function isGood({ purpose, status, damaged, passed }: ReadableBackup, { level }: RetentionPolicy): boolean {
  const sound = purpose === "backup" && status === "ok" && !damaged;
  return sound && includesLevel(passed, level === "checksum" ? level : "structure");
}

function isProven(backup: ReadableBackup, policy: RetentionPolicy): boolean {
  return isGood(backup, policy) && includesLevel(backup.passed, policy.level);
}

/** What has to hold of any plan, whatever the clock did. */
function assertSafe(history: readonly ReadableBackup[], policy: RetentionPolicy, now: Date): void {
  const plan = planRetention(history, policy, now);
  const deleted = new Set(idsDeleted(plan));
  const kept = history.filter(({ id }) => !deleted.has(id));
  const lastProven = history.findLast((backup) => isProven(backup, policy));

  // The last good one stays, and nothing goes unless a newer good one stays.
  expect(lastProven === undefined || !deleted.has(lastProven.id)).toBe(true);
  for (const backup of history.filter(({ id }) => deleted.has(id))) {
    expect(backup.sequence).toBeLessThan(lastProven?.sequence ?? 0);
    expect([backup.pinned, backup.inUse]).toEqual([undefined, undefined]);
  }
  // The last one that is not empty stays: of the good ones, and of all.
  const full = history.filter(({ empty, damaged }) => !empty && !damaged);
  for (const backup of [full.at(-1), full.findLast((candidate) => isGood(candidate, policy))]) {
    expect(backup === undefined || !deleted.has(backup.id)).toBe(true);
  }
  // The newest safety backup stays, and whatever a kept one needs.
  const safety = history.findLast(({ purpose }) => purpose === "safety");
  expect(safety === undefined || !deleted.has(safety.id)).toBe(true);
  for (const { parents } of kept) expect(parents.filter((id) => deleted.has(id))).toEqual([]);
  // Every backup has a decision and a reason, in the order given.
  expect(plan.decisions.map(({ id }) => id)).toEqual(history.map(({ id }) => id));
  for (const { reasons } of plan.decisions) expect(reasons.length).toBeGreaterThan(0);
}

test("no history is left without what protects it, however the clock jumped", () => {
  fc.assert(
    fc.property(histories("jumping"), policies, fc.integer({ min: -4000, max: 4000 }), (history, policy, offDays) => {
      assertSafe(history, policy, new Date(after(history).getTime() + offDays * day));
    }),
    { numRuns: 10_000 },
  );
}, 60_000);

test("a second prune finds nothing to do", () => {
  fc.assert(
    fc.property(histories(), policies, (history, policy) => {
      const kept = new Set(idsKept(planRetention(history, policy, after(history))));
      const left = history.filter(({ id }) => kept.has(id));
      expect(idsDeleted(planRetention(left, policy, after(history)))).toEqual([]);
    }),
    runs,
  );
}, 60_000);

test("what was deleted half-way is finished by the next, and nothing else goes", () => {
  fc.assert(
    fc.property(histories(), policies, fc.nat(), (history, policy, stop) => {
      const plan = planRetention(history, policy, after(history));
      const going = idsDeleted(plan).toReversed();
      const gone = new Set(going.slice(0, stop % (going.length + 1)));
      const left = history.filter(({ id }) => !gone.has(id));
      for (const { parents } of left) expect(parents.filter((id) => gone.has(id))).toEqual([]);
      expect(idsKept(planRetention(left, policy, after(history)))).toEqual(idsKept(plan));
    }),
    runs,
  );
}, 60_000);

test("backups that failed in part, were damaged or are unproven never push a good one out", () => {
  fc.assert(
    fc.property(histories(), policies, (history, policy) => {
      const isBad = (backup: ReadableBackup) => backup.purpose === "backup" && !isGood(backup, policy);
      const alone = history.filter((backup) => !isBad(backup));
      const kept = idsKept(planRetention(history, policy, after(history)));
      expect(kept).toEqual(expect.arrayContaining(keptOf(alone, history, policy)));
    }),
    runs,
  );
}, 60_000);

/** What is kept of the good ones where these are all there are, at the time of the whole history. */
function keptOf(
  alone: readonly ReadableBackup[],
  history: readonly ReadableBackup[],
  policy: RetentionPolicy,
): string[] {
  const good = new Set(alone.filter((backup) => isGood(backup, policy)).map(({ id }) => id));
  return idsKept(planRetention(alone, policy, after(history))).filter((id) => good.has(id));
}

test("days added keep no less", () => {
  fc.assert(
    fc.property(histories(), policies, fc.integer({ min: 1, max: 40 }), (history, policy, more) => {
      const good = new Set(history.filter((backup) => isGood(backup, policy)).map(({ id }) => id));
      const kept = (days: number) =>
        idsKept(planRetention(history, { ...policy, days }, after(history))).filter((id) => good.has(id));
      expect(kept(policy.days + more)).toEqual(expect.arrayContaining(kept(policy.days)));
    }),
    runs,
  );
}, 60_000);

test("a clock that jumped ahead is told, before half of what there is goes by age", () => {
  const regular = fc.record({
    hours: fc.integer({ min: 1, max: 200 }),
    count: fc.integer({ min: 12, max: 40 }),
    jumps: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 3 }),
    days: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(regular, ({ hours, count, jumps, days }) => {
      const at = (sequence: number, jumped: number) => backup(sequence, { day: (sequence * hours) / 24 + jumped });
      const all = count + jumps.length;
      const steady = Array.from({ length: all }, (_, index) => at(index + 1, 0));
      const total = (index: number) =>
        jumps.slice(0, Math.max(0, index - count + 1)).reduce((sum, jump) => sum + jump, 0);
      const jumped = Array.from({ length: all }, (_, index) => at(index + 1, total(index)));
      const policy = retentionPolicy({ days });
      const goesAnyway = new Set(idsDeleted(planRetention(steady, policy, after(steady))));
      const plan = planRetention(jumped, policy, after(jumped));
      const early = idsDeleted(plan).filter((id) => !goesAnyway.has(id));
      expect(plan.unusual.length > 0 || early.length * 2 < all).toBe(true);
    }),
    runs,
  );
}, 60_000);
