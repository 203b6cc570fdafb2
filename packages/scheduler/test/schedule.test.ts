import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextRun, nextRuns, overdueAt, type Schedule } from "../src/index.ts";
import { instantsOf, jumpOver } from "../src/time-zone.ts";

const berlin = (expression: string): Schedule => ({ expression, timeZone: "Europe/Berlin" });
const runs = (schedule: Schedule, after: string, count: number) =>
  nextRuns(schedule, new Date(after), count).map((run) => run.toISOString().slice(5, 16));

describe("when clocks are put forward", () => {
  test("what they leave out runs at the moment of the change, once", () => {
    const expected = ["03-28T01:30", "03-29T01:00", "03-30T00:30"];
    expect(runs(berlin("30 2 * * *"), "2026-03-28T00:00Z", 3)).toEqual(expected);
    expect(runs(berlin("*/20 2 * * *"), "2026-03-28T20:00Z", 2)).toEqual(["03-29T01:00", "03-30T00:00"]);
    expect(runs(berlin("0 2,3 * * *"), "2026-03-28T20:00Z", 2)).toEqual(["03-29T01:00", "03-30T00:00"]);
  });

  test("also where that is the next day", () => {
    const nuuk = { expression: "30 23 * * *", timeZone: "America/Nuuk" };
    expect(runs(nuuk, "2026-03-27T12:00Z", 3)).toEqual(["03-28T01:30", "03-29T01:00", "03-30T00:30"]);
  });

  test("an hourly one runs every hour that passes", () => {
    const expected = ["03-29T00:05", "03-29T01:05", "03-29T02:05"];
    expect(runs(berlin("5 * * * *"), "2026-03-28T23:30Z", 3)).toEqual(expected);
  });
});

describe("when clocks are put back", () => {
  test("what comes twice runs the first time", () => {
    expect(runs(berlin("30 2 * * *"), "2026-10-24T12:00Z", 2)).toEqual(["10-25T00:30", "10-26T01:30"]);
    expect(runs(berlin("30 2 * * *"), "2026-10-25T00:45Z", 1)).toEqual(["10-26T01:30"]);
    expect(runs(berlin("30 1-3 * * *"), "2026-10-24T22:30Z", 4)).toEqual([
      "10-24T23:30",
      "10-25T00:30",
      "10-25T02:30",
      "10-26T00:30",
    ]);
  });

  test("an hourly one runs every hour that passes", () => {
    const expected = ["10-24T23:05", "10-25T00:05", "10-25T01:05", "10-25T02:05", "10-25T03:05"];
    expect(runs(berlin("5 * * * *"), "2026-10-24T22:30Z", 5)).toEqual(expected);
    expect(runs(berlin("*/30 * * * *"), "2026-10-25T00:10Z", 4)).toEqual([
      "10-25T00:30",
      "10-25T01:00",
      "10-25T01:30",
      "10-25T02:00",
    ]);
  });
});

describe("expressions", () => {
  test.each([
    ["0 4 * * 7", "0 4 * * 0"],
    ["0 4 * * mon-fri", "0 4 * * 1,2,3,4,5"],
    ["5-15/5 4 * JAN,feb *", "5,10,15 4 * 1,2 *"],
    [" 0  4 */10 * * ", "0 4 1,11,21,31 * *"],
  ])("%s is %s", (one, other) => {
    expect(runs(berlin(one), "2026-01-01T00:00Z", 20)).toEqual(runs(berlin(other), "2026-01-01T00:00Z", 20));
  });

  test("day or weekday, where both are limited", () => {
    expect(runs({ expression: "0 0 13 * 5", timeZone: "UTC" }, "2026-01-01T00:00Z", 3)).toEqual([
      "01-02T00:00",
      "01-09T00:00",
      "01-13T00:00",
    ]);
  });

  test.each([
    ["* * *", "five fields"],
    ["60 * * * *", '"60" is no minute from 0 to 59'],
    ["0 24 * * *", '"24" is no hour'],
    ["0 0 0 * *", '"0" is no day from 1'],
    ["5/10 * * * *", '"5/10" is no minute'],
    ["0 5-3 * * *", '"5-3" is no hour'],
    ["0 0 * * 1-2-3", "no weekday"],
    ["0 0 30 2 *", "no such day"],
    ["0 0 */2 * 5", "crons disagree"],
    ["@daily", "five fields"],
    ["0 0 L * *", '"L" is no day'],
    ["0 */0 * * *", "no hour"],
    ["0 0 1, * *", "no day"],
  ])("%s is refused", (expression, why) => {
    expect(() => nextRun(berlin(expression), new Date())).toThrow(why);
  });

  test("an unknown zone is refused", () => {
    expect(() => nextRun({ expression: "0 0 * * *", timeZone: "Mars/Base" }, new Date())).toThrow(
      'no time zone "Mars/Base"',
    );
  });
});

test("a run counts as missing after half of the time to the next one", () => {
  const at = (schedule: Schedule, last: string) => overdueAt(schedule, new Date(last))?.toISOString();
  expect(at({ expression: "0 * * * *", timeZone: "UTC" }, "2026-01-01T10:00Z")).toBe("2026-01-01T11:30:00.000Z");
  expect(at({ expression: "0 4 * * *", timeZone: "UTC" }, "2026-01-01T04:00Z")).toBe("2026-01-02T16:00:00.000Z");
  // From Friday to Monday nothing is expected.
  expect(at({ expression: "0 4 * * 1-5", timeZone: "UTC" }, "2026-01-02T04:00Z")).toBe("2026-01-05T16:00:00.000Z");
});

const zones = [
  "Europe/Berlin",
  "Europe/Dublin",
  "America/New_York",
  "America/Santiago",
  "America/Nuuk",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Antarctica/Troll",
  "UTC",
];
const day = 86_400_000;

test("a time of the day runs exactly once for every day of the calendar, in every zone", () => {
  const someDay = fc.integer({ min: Date.UTC(2026, 0, 1) / day, max: Date.UTC(2035, 0, 1) / day });
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 1439 }),
      someDay,
      (timeZone, minutes, startDay) => {
        const schedule = { expression: `${minutes % 60} ${Math.floor(minutes / 60)} * * *`, timeZone };
        const wallOf = (index: number) => (startDay + index) * day + minutes * 60_000;
        const expected = Array.from({ length: 9 }, (_, index) => {
          const [first] = instantsOf(timeZone, wallOf(index));
          return first ?? jumpOver(timeZone, wallOf(index));
        });
        const found = nextRuns(schedule, new Date((expected[0] ?? 0) - 1), 9).map((run) => run.getTime());
        expect(found).toEqual(expected);
        for (const at of found) expect(at % 60_000).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});

test("what runs every hour is never more than an hour apart, but for half-hour changes", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones.filter((zone) => zone !== "Australia/Lord_Howe")),
      fc.integer({ min: 0, max: 59 }),
      fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2035, 0, 1) }),
      (timeZone, minutes, start) => {
        const found = nextRuns({ expression: `${minutes} * * * *`, timeZone }, new Date(start), 12);
        const apart = found.slice(1).map((at, index) => at.getTime() - (found[index]?.getTime() ?? 0));
        expect(new Set(apart)).toEqual(new Set([3_600_000]));
      },
    ),
    { numRuns: 100 },
  );
});

test("nothing is left out between two runs", () => {
  const field = (max: number, min = 0) =>
    fc.constantFrom("*", ...Array.from({ length: max - min + 1 }, (_, i) => `${i + min}`));
  fc.assert(
    fc.property(
      fc.tuple(field(59), field(23), field(28, 1), field(6)),
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2030, 0, 1) }),
      ([minute, hours, days, weekday], timeZone, start) => {
        const schedule = { expression: `${minute} ${hours} ${days} * ${days === "*" ? weekday : "*"}`, timeZone };
        const next = nextRun(schedule, new Date(start));
        // Asked from any moment before it, the answer is the same.
        for (const share of [0.1, 0.5, 0.9]) {
          const between = start + ((next?.getTime() ?? start) - 1 - start) * share;
          expect(nextRun(schedule, new Date(between))).toEqual(next);
        }
        expect(next?.getTime()).toBeGreaterThan(start);
      },
    ),
    { numRuns: 150 },
  );
});
