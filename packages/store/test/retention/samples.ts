import fc from "fast-check";
import { retentionPolicy, type ReadableBackup, type RetentionPolicy, type RetentionPlan } from "../../src/index.ts";

export const day = 86_400_000;
export const start: number = Date.parse("2026-11-23T02:00:00Z");

/** A good backup, number `sequence`, made `sequence` days after {@link start} unless told otherwise. */
export function backup(
  sequence: number,
  changes: Partial<ReadableBackup> & { readonly day?: number } = {},
): ReadableBackup {
  const { day: at = sequence, ...rest } = changes;
  return {
    id: `b${sequence}`,
    sequence,
    parents: [],
    purpose: "backup",
    status: "ok",
    startedAt: new Date(start + at * day).toISOString(),
    empty: false,
    passed: "structure",
    damaged: false,
    ...rest,
  };
}

/** One a day, numbered from `from`. */
export function daily(count: number, from = 1): ReadableBackup[] {
  return Array.from({ length: count }, (_, index) => backup(from + index));
}

/** A moment after the last of them. */
export function after(backups: readonly ReadableBackup[]): Date {
  return new Date(Math.max(start, ...backups.map(({ startedAt }) => Date.parse(startedAt))) + 60_000);
}

export function idsKept({ decisions }: RetentionPlan): string[] {
  return decisions.flatMap(({ id, action }) => (action === "keep" ? id : []));
}

export function idsDeleted({ decisions }: RetentionPlan): string[] {
  return decisions.flatMap(({ id, action }) => (action === "delete" ? id : []));
}

const mostlyNot = fc.integer({ min: 0, max: 9 }).map((number) => number === 0);

/** Any policy that keeps anything. */
export const policies: fc.Arbitrary<RetentionPolicy> = fc
  .record(
    {
      days: fc.integer({ min: 0, max: 40 }),
      keepLast: fc.integer({ min: 0, max: 5 }),
      keepHourly: fc.integer({ min: 0, max: 10 }),
      keepDaily: fc.integer({ min: 0, max: 10 }),
      keepWeekly: fc.integer({ min: 0, max: 5 }),
      keepMonthly: fc.integer({ min: 0, max: 5 }),
      keepYearly: fc.integer({ min: 0, max: 2 }),
      safetyDays: fc.integer({ min: 0, max: 10 }),
      level: fc.constantFrom("checksum" as const, "structure" as const, "restore" as const),
      timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"),
    },
    { requiredKeys: [] },
  )
  .filter(({ days, keepLast, keepDaily }) => (days ?? 30) > 0 || (keepLast ?? 0) > 0 || (keepDaily ?? 0) > 0)
  .map((settings) => retentionPolicy(settings));

/** A history of one database: backups of every sort, numbered in order, hours to weeks apart; `dates` says how its clock went. */
export function histories(dates: "in order" | "jumping" = "in order"): fc.Arbitrary<ReadableBackup[]> {
  const jump = dates === "in order" ? fc.constant(0) : fc.integer({ min: -4000, max: 4000 });
  const step = fc.record({
    hours: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 30 }) }, fc.integer({ min: 31, max: 1500 })),
    jumpDays: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, jump),
    purpose: mostlyNot.map((safety) => (safety ? ("safety" as const) : ("backup" as const))),
    status: mostlyNot.map((partial) => (partial ? ("partial" as const) : ("ok" as const))),
    passed: fc.constantFrom("structure", "structure", "structure", "restore", "checksum", undefined),
    damaged: mostlyNot,
    empty: mostlyNot,
    pinned: mostlyNot.map((pinned) => (pinned ? "wanted" : undefined)),
    inUse: fc.integer({ min: 0, max: 40 }).map((number) => (number === 0 ? "a restore" : undefined)),
    parent: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 5 })),
  });
  return fc.array(step, { maxLength: 45 }).map((steps) => {
    let time = start;
    return steps.map(({ hours, jumpDays, damaged, passed, parent, ...rest }, index) => {
      time += hours * 3_600_000 + jumpDays * day;
      return {
        ...rest,
        id: `b${index + 1}`,
        sequence: index + 1,
        parents: parent > 0 && parent <= index ? [`b${index + 1 - parent}`] : [],
        startedAt: new Date(time).toISOString(),
        damaged,
        passed: damaged ? undefined : passed,
      } satisfies ReadableBackup;
    });
  });
}
