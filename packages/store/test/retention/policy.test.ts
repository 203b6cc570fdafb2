import { describe, expect, test } from "vitest";
import { retentionPolicy, setsRules, usualRetention } from "../../src/index.ts";

const hour = 3_600_000;

test("what is usual fits how often backups are made", () => {
  const hourly = { days: 0, keepLast: 48, keepHourly: 48, keepDaily: 30 };
  expect(usualRetention(hour / 12)).toEqual(hourly);
  expect(usualRetention(hour)).toEqual(hourly);
  expect(usualRetention(6 * hour)).toEqual(hourly);
  expect(usualRetention(23 * hour)).toEqual({ days: 30 });
  expect(usualRetention(24 * hour)).toEqual({ days: 30 });
  expect(usualRetention(7 * 24 * hour)).toEqual({ days: 90, keepLast: 12 });
  expect(usualRetention(undefined)).toEqual({});
});

test("a rule is set by what says how much is kept, be it nothing", () => {
  expect([{ days: 0 }, { keepLast: 3 }, { keepYearly: 0 }].map(setsRules)).toEqual([true, true, true]);
  expect(
    [undefined, {}, { days: undefined }, { safetyDays: 1, level: "restore", timeZone: "UTC" } as const].map(setsRules),
  ).toEqual([false, false, false, false]);
});

describe("a policy", () => {
  test("has defaults, and the last setting wins", () => {
    expect(retentionPolicy()).toMatchObject({
      days: 30,
      keepLast: 0,
      safetyDays: 7,
      level: "structure",
      timeZone: "UTC",
    });
    expect(retentionPolicy({ days: 1, keepLast: 2 }, undefined, { days: 5, keepLast: undefined })).toMatchObject({
      days: 5,
      keepLast: 2,
    });
  });

  test.each<[string, object, string]>([
    ["unknown setting", { keepDays: 3 }, "keepDays"],
    ["negative number", { keepLast: -1 }, "keepLast"],
    ["fraction", { days: 1.5 }, "days"],
    ["no number", { days: Number.NaN }, "days"],
    ["unknown level", { level: "full" }, "level"],
    ["unknown time zone", { timeZone: "Mars/Olympus" }, "time zone"],
    ["nothing that keeps anything", { days: 0, safetyDays: 7 }, "no rule keeps anything"],
  ])("%s is refused, with a hint", (_, settings, message) => {
    expect(() => retentionPolicy(settings)).toThrow(
      expect.objectContaining({
        reason: "configuration",
        message: expect.stringContaining(message),
        hint: expect.any(String),
      }),
    );
  });
});
