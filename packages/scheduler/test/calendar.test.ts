import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { nextRuns } from "../src/index.ts";
import { transitionsOf } from "../src/time-zone.ts";
import { onCalendar } from "../src/systemd/calendar.ts";

const now = new Date("2026-11-23T12:00:00Z");
const run = promisify(execFile);

test.each([
  ["0 * * * *", "Europe/Berlin", ["*-*-* *:00:00 UTC"]],
  ["5,35 * * * *", "Asia/Kathmandu", ["*-*-* *:20,50:00 UTC"]],
  ["0 4 * * *", "Europe/Berlin", ["*-*-* 04:00:00 Europe/Berlin"]],
  ["30 2 * * *", "Europe/Berlin", ["*-*-* 02:30:00 Europe/Berlin", "Sun *-03-25..31 03:00:00 Europe/Berlin"]],
  ["30 2 * * 1-5", "Europe/Berlin", ["Mon,Tue,Wed,Thu,Fri *-*-* 02:30:00 Europe/Berlin"]],
  ["30 23 * * *", "America/Nuuk", ["*-*-* 23:30:00 America/Nuuk", "Sun *-03-25..31 00:00:00 America/Nuuk"]],
  ["*/15 1-3,5 1,15 1-6 *", "UTC", ["*-01..06-01,15 01..03,05:00,15,30,45:00 UTC"]],
  ["0 0 13 * 5", "UTC", ["*-*-13 00:00:00 UTC", "Fri *-*-* 00:00:00 UTC"]],
])("%s in %s", (expression, timeZone, expected) => {
  expect(onCalendar({ expression, timeZone }, now)).toEqual(expected);
});

test.each([
  ["0 * * * 1-5", "Europe/Berlin", "counts hours"],
  ["5 * * * *", "Australia/Lord_Howe", "counts hours"],
  ["30 2 * * *", "Asia/Gaza", "no rule"],
  ["30 2 25-28 3 *", "Europe/Berlin", "no rule"],
])("%s in %s cannot be said exactly", (expression, timeZone, why) => {
  expect(() => onCalendar({ expression, timeZone }, now)).toThrow(why);
});

test("04:00 is neither left out nor doubled anywhere in the world", () => {
  const changing = Intl.supportedValuesOf("timeZone").filter(
    (timeZone) => transitionsOf(timeZone, now.getTime(), now.getTime() + 370 * 86_400_000).length > 0,
  );
  expect(changing.length).toBeGreaterThan(50);
  for (const timeZone of changing) {
    expect(onCalendar({ expression: "0 4 * * *", timeZone }, now), timeZone).toHaveLength(1);
  }
}, 60_000);

function hasAnalyze(): boolean {
  try {
    execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What systemd itself makes of the lines: the moments at which a timer with all of them elapses. */
async function elapses(calendars: readonly string[], after: Date, count: number): Promise<number[]> {
  const times = await Promise.all(
    calendars.map(async (calendar) => {
      const base = `@${Math.floor(after.getTime() / 1000)}`;
      const arguments_ = ["calendar", calendar, `--iterations=${count}`, `--base-time=${base}`];
      const { stdout } = await run("systemd-analyze", arguments_, { env: { ...process.env, TZ: "UTC", LC_ALL: "C" } });
      return [...stdout.matchAll(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g)].map(([, date, time]) =>
        Date.parse(`${date}T${time}Z`),
      );
    }),
  );
  return [...new Set(times.flat())].sort((a, b) => a - b).slice(0, count);
}

const isThere = hasAnalyze();

describe("systemd elapses at the very moments of the schedule", () => {
  const moments = [
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2027-04-03T12:00:00Z",
    "2027-04-24T12:00:00Z",
    "2028-09-02T00:00:00Z",
  ];
  const zones = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/Nuuk",
    "Africa/Cairo",
    "Asia/Kathmandu",
  ];
  const expressions = [
    "0 * * * *",
    "*/20 * * * *",
    "30 2 * * *",
    "15 0 * * *",
    "0 2,3 * * *",
    "10,40 23,0-3 * * *",
    "30 1 * * 0",
    "0 4 1 * 0",
  ];
  const cases = zones.flatMap((timeZone, index) =>
    expressions.filter((_, other) => (index + other) % 2 === 0).map((expression) => ({ timeZone, expression })),
  );
  test.for(cases)("$expression in $timeZone", { timeout: 30_000 }, async (schedule, { skip }) => {
    if (!isThere) skip("there is no systemd-analyze here: only the texts of the table above were compared");
    for (const moment of moments) {
      const after = new Date(moment);
      const lines = onCalendar(schedule, new Date("2026-01-01T00:00:00Z"));
      const expected = nextRuns(schedule, after, 12).map((at) => at.getTime());
      expect((await elapses(lines, after, 12)).map(iso), lines.join("; ")).toEqual(expected.map(iso));
    }
  });
});

const iso = (at: number) => new Date(at).toISOString();
