import { describe, expect, test } from "vitest";
import { planRetention, retentionPolicy, type RetentionFacts, type RetentionSettings } from "../../src/index.ts";
import { after, backup, daily, day, idsDeleted, idsKept, start } from "./samples.ts";

const only = (settings: RetentionSettings) => retentionPolicy({ days: 0, ...settings });
const byDays = retentionPolicy();

function kept(backups: ReturnType<typeof daily>, settings: RetentionSettings): string[] {
  return idsKept(planRetention(backups, only(settings), after(backups)));
}

describe("rules", () => {
  test("30 days unless told otherwise, back from the newest proven one and not from now", () => {
    const backups = daily(40);
    const muchLater = new Date(start + 4000 * day);
    expect(idsDeleted(planRetention(backups, byDays, muchLater))).toEqual(daily(9).map(({ id }) => id));
  });

  test("the last so many", () => expect(kept(daily(6), { keepLast: 2 })).toEqual(["b5", "b6"]));

  test("the newest of each period; the oldest of all while there are fewer periods", () => {
    // Two each day, at 02:00 and 14:00 UTC.
    const backups = Array.from({ length: 8 }, (_, index) => backup(index + 1, { day: index / 2 }));
    expect(kept(backups, { keepDaily: 2 })).toEqual(["b6", "b8"]);
    expect(kept(backups, { keepHourly: 3 })).toEqual(["b6", "b7", "b8"]);
    expect(kept(backups, { keepDaily: 10 })).toEqual(["b1", "b2", "b4", "b6", "b8"]);
  });

  test("weeks are ISO weeks, and months and years those of the calendar", () => {
    const backups = daily(60); // Tuesday 24 November 2026 to Friday 22 January 2027.
    expect(kept(backups, { keepWeekly: 3 })).toEqual(["b48", "b55", "b60"]); // Sundays 10 and 17 January.
    expect(kept(backups, { keepMonthly: 2 })).toEqual(["b38", "b60"]); // 31 December.
    expect(kept(backups, { keepYearly: 2 })).toEqual(["b38", "b60"]);
  });

  test("in the time zone that is set", () => {
    const backups = [backup(1, { day: 0 }), backup(2, { day: 0.2 }), backup(3, { day: 1 })]; // 02:00, 06:48, 02:00
    expect(kept(backups, { keepDaily: 2 })).toEqual(["b2", "b3"]);
    // 21:00 the day before, 01:48, 21:00.
    expect(kept(backups, { keepDaily: 2, timeZone: "America/New_York" })).toEqual(["b1", "b3"]);
  });

  test("an hour that comes twice is two, where clocks are set back", () => {
    const at = (time: string, sequence: number) => backup(sequence, { startedAt: time });
    const backups = [at("2026-10-25T00:30:00Z", 1), at("2026-10-25T01:30:00Z", 2), at("2026-10-25T02:30:00Z", 3)];
    expect(kept(backups, { keepHourly: 3, timeZone: "Europe/Berlin" })).toEqual(["b1", "b2", "b3"]);
  });

  test("every rule that keeps one is a reason, and every rule that does not", () => {
    const backups = daily(3);
    const { decisions } = planRetention(backups, only({ keepLast: 1, keepDaily: 1 }), after(backups));
    expect(decisions[2]).toEqual({
      id: "b3",
      standing: "good",
      action: "keep",
      reasons: [
        "the newest that has passed structure",
        "the newest that is not empty",
        "among the last 1",
        "the newest of the day 2026-11-26",
      ],
    });
    expect(decisions[0]).toEqual({
      id: "b1",
      standing: "good",
      action: "delete",
      reasons: [
        "not among the last 1",
        "not the newest of one of the last 1 days",
        "b3 is newer and has passed structure",
      ],
    });
  });
});

describe("protection", () => {
  test.each([
    ["partial", { status: "partial" }],
    ["damaged", { damaged: true, passed: undefined }],
    ["unproven", { passed: undefined }],
    ["empty", { empty: true, pinned: undefined }],
  ] as const)("the last good one outlives any number of %s ones", (_, changes) => {
    const backups = [...daily(2), ...daily(50, 3).map((later) => ({ ...later, ...changes }))];
    expect(kept(backups, { keepLast: 1 })).toContain("b2");
  });

  test("nothing goes until a newer one has passed the level", () => {
    const backups = daily(5);
    expect(kept(backups, { keepLast: 1, level: "restore" })).toHaveLength(5);
    const drilled = backups.map((each) => (each.id === "b3" ? { ...each, passed: "restore" as const } : each));
    expect(kept(drilled, { keepLast: 1, level: "restore" })).toEqual(["b3", "b4", "b5"]);
  });

  test("what is pinned, in use, or needed by one that stays", () => {
    const backups = [
      backup(1, { pinned: "audit" }),
      backup(2),
      backup(3, { parents: ["b2"] }),
      backup(4, { parents: ["b3"], inUse: "a restore" }),
      backup(5),
      backup(6),
    ];
    const { decisions } = planRetention(backups, only({ keepLast: 1 }), after(backups));
    expect(decisions.map(({ action }) => action)).toEqual(["keep", "keep", "keep", "keep", "delete", "keep"]);
    expect(decisions.slice(0, 4).map(({ reasons }) => reasons)).toEqual([
      ["pinned: audit"],
      ["b3 needs it"],
      ["b4 needs it"],
      ["in use: a restore"],
    ]);
  });

  test("safety backups have their own days, count for nothing, and the newest stays", () => {
    const safety = (sequence: number) => backup(sequence, { purpose: "safety" });
    const backups = [safety(1), safety(2), safety(3), ...daily(8, 4), safety(12), ...daily(8, 13)];
    const plan = planRetention(backups, only({ keepLast: 1, safetyDays: 7 }), after(backups));
    expect(idsKept(plan)).toEqual(["b12", "b20"]);
    expect(plan.decisions[11]).toMatchObject({ standing: "safety", reasons: ["the newest safety backup"] });
    expect(plan.decisions[0]?.reasons).toEqual(["older than 7 days", "b20 is newer and has passed structure"]);
  });

  test("partial ones are counted apart, and go once they are older than every good one kept", () => {
    const partial = (sequence: number) => backup(sequence, { status: "partial" });
    const backups = [partial(1), backup(2), backup(3), partial(4), backup(5), partial(6), backup(7)];
    const { decisions } = planRetention(backups, only({ keepLast: 2 }), after(backups));
    expect(decisions.filter(({ action }) => action === "keep").map(({ id }) => id)).toEqual(["b5", "b6", "b7"]);
    expect(decisions[5]?.reasons).toEqual(["partial, counted apart: among the last 2"]);
    expect(decisions[3]?.reasons[0]).toBe("partial, counted apart: not among the last 2");
  });

  test("what cannot be read stays; what may need others keeps all of them", () => {
    const corrupt = { id: "x", unreadable: "no manifest", mayNeedOthers: false };
    const newer = { id: "y", unreadable: "format 2", mayNeedOthers: true };
    const backups = daily(3);
    const plan = (facts: readonly RetentionFacts[]) => planRetention(facts, only({ keepLast: 1 }), after(backups));
    expect(idsKept(plan([corrupt, ...backups]))).toEqual(["x", "b3"]);
    expect(idsKept(plan([newer, ...backups]))).toEqual(["y", "b1", "b2", "b3"]);
  });
});

describe("the clock", () => {
  const planned = (backups: ReturnType<typeof daily>, now = after(backups)) => planRetention(backups, byDays, now);

  test("that runs as it should raises no doubt, also with pauses", () => {
    expect(planned(daily(60)).unusual).toEqual([]);
    const pause = [...daily(40), ...daily(10, 41).map((each) => backup(each.sequence, { day: each.sequence + 10 }))];
    expect(planned(pause).unusual).toEqual([]);
  });

  test.each([1, 2, 30])("that jumped ahead after %d backups deletes nothing unasked", (count) => {
    const backups = [...daily(count), backup(count + 1, { day: 3650 })];
    expect(planned(backups).unusual).toEqual([expect.stringContaining("would go by age at once")]);
  });

  test("that jumped ahead and has run on since deletes nothing unasked either", () => {
    const backups = [...daily(30), backup(31, { day: 3650 }), backup(32, { day: 3651 })];
    expect(planned(backups).unusual).toEqual([expect.stringContaining("would go by age at once")]);
  });

  test("that is behind the newest backup deletes nothing unasked", () => {
    const backups = daily(40);
    expect(planned(backups, new Date(start + 20 * day)).unusual).toEqual([expect.stringContaining("it is 2026-12-13")]);
  });

  test("that fell back before the newest backup deletes nothing unasked", () => {
    const backups = [...daily(40), backup(41, { day: -4000 })];
    const plan = planned(backups, new Date(start - 3999.5 * day));
    expect(plan.unusual).toHaveLength(1);
    expect(planned(backups, new Date(start + 41 * day)).unusual).toEqual([
      expect.stringContaining("before older ones"),
    ]);
  });

  test.each([-4000, 4000])("that was %d days off for a while and is right again does no harm", (off) => {
    const backups = daily(40).map((each) =>
      each.sequence === 20 || each.sequence === 21 ? backup(each.sequence, { day: off }) : each,
    );
    const plan = planRetention(backups, byDays, new Date(start + 41 * day));
    expect(plan.unusual).toEqual([]);
    expect(idsDeleted(plan)).toEqual(daily(9).map(({ id }) => id));
  });

  test("order is by number: the newest by its date is not the newest", () => {
    const backups = [backup(1, { day: 3 }), backup(2, { day: 2 }), backup(3, { day: 1 })];
    expect(kept(backups, { keepLast: 1 })).toEqual(["b3"]);
  });
});
