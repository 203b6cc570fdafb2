import { describe, expect, test } from "vitest";
import { retentionPolicy } from "../../src/index.ts";

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
