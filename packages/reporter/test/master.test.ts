import { expect, test } from "vitest";
import {
  anomalies,
  assess,
  masterReport,
  masterReportSchema,
  type BackupFact,
  type ReportFacts,
} from "../src/index.ts";
import { forecast, storeHistory } from "../src/master/forecast.ts";
import { median, slope } from "../src/master/statistics.ts";
import { ago, backupFact, facts, now, platform } from "./platform.ts";

const causes = (given: ReportFacts) =>
  masterReport(given).problems.map(({ cause, severity }) => `${severity} ${cause}`);

/** A database with so many good daily backups, the newest half a day old. */
function daily(count: number, newest: Partial<BackupFact> = {}): BackupFact[] {
  return Array.from({ length: count }, (_, index) =>
    backupFact({ daysAgo: count - 0.5 - index, ...(index === count - 1 && newest) }),
  );
}

const db = [{ database: "db", kind: "redis" }];

test("thirty days of six databases: the problems are those that were put in, no more and no less", () => {
  const report = masterReport(platform());
  masterReportSchema.parse(report);
  expect(report.status).toBe("critical");
  expect(report.problems.map(({ cause }) => cause)).toEqual([
    "backup-failed:chromadb",
    "no-good-backup:chromadb",
    "size:qdrant",
    "damaged:faiss",
  ]);
  expect(report.databases.map(({ database, status }) => [database, status])).toEqual([
    ["postgres", "ok"],
    ["redis", "ok"],
    ["neo4j", "ok"],
    ["qdrant", "warning"],
    ["chromadb", "critical"],
    ["faiss", "warning"],
  ]);
  // 29 nights, the machine was down in one of 30; drills on every seventh.
  expect(report.runs.filter(({ command }) => command === "backup")).toHaveLength(29);
  expect(report.runs.filter(({ command }) => command === "drill")).toHaveLength(3);
  const [postgres] = report.databases;
  expect(postgres?.samples).toHaveLength(29);
  expect(postgres?.rpoMs).toBe(0.46 * 86_400_000);
  expect(postgres?.drills).toHaveLength(3);
  expect(postgres?.rto?.ms).toBe(postgres?.drills[0]?.rto?.ms);
  expect(report.rto.ms).toBe(report.databases.reduce((sum, { rto }) => sum + (rto?.ms ?? Number.NaN), 0));
  expect(report.rpo.ms).toBe(1.46 * 86_400_000);
  const { backups, ...counts } = report.coverage;
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(backups);
  expect(report.store.history.at(-1)?.storedBytes).toBe(report.store.storedBytes);
});

test("nothing at all is no success: nothing is protected, nothing claimed", () => {
  const report = masterReport(facts());
  masterReportSchema.parse(report);
  expect(report).toMatchObject({
    status: "critical",
    problems: [{ cause: "nothing-protected" }],
    databases: [],
    runs: [],
    rto: { ms: null },
    rpo: { ms: null },
  });
  expect(report.store.forecast).toMatchObject({ known: false });
});

test.each<readonly [string, Partial<ReportFacts>, readonly string[]]>([
  ["all well", { backups: daily(10) }, []],
  ["never backed up", { backups: [] }, ["critical no-good-backup:db"]],
  ["too old", { backups: daily(10).slice(0, -1) }, ["critical no-good-backup:db"]],
  ["just within the budget", { backups: daily(3), budgets: { rpoMs: 43_200_000, rtoMs: 1, drillMs: 1e12 } }, []],
  [
    "just over it",
    { backups: daily(3), budgets: { rpoMs: 43_199_999, rtoMs: 1, drillMs: 1e12 } },
    ["critical no-good-backup:db"],
  ],
  ["a budget of its own", { backups: daily(3), budgetsOf: { db: { rpoMs: 1 } } }, ["critical no-good-backup:db"]],
  [
    "partial ones are not good",
    { backups: daily(3, { status: "partial", good: false }) },
    ["critical no-good-backup:db"],
  ],
  ["safety backups do not count", { backups: daily(3, { purpose: "safety" }) }, ["critical no-good-backup:db"]],
  [
    "none is configured: perhaps Docker did not answer",
    { databases: [], backups: daily(10).slice(0, -1) },
    ["critical no-good-backup:db"],
  ],
  [
    "only the store knows it: its container may be gone",
    {
      databases: [{ database: "other", kind: "redis" }],
      backups: [...daily(3).slice(0, -1), backupFact({ daysAgo: 0.1, database: "other" })],
    },
    ["warning no-good-backup:db"],
  ],
  [
    "the newest is damaged",
    { backups: daily(3, { good: false, proven: null, damage: { level: "structure", at: now } }) },
    ["critical no-good-backup:db", "critical damaged:db"],
  ],
  [
    "an old one is unreadable",
    { backups: [{ ...backupFact({ daysAgo: 5, good: false }), problem: "torn" }, ...daily(3)] },
    ["warning unreadable:db"],
  ],
  ["emptied", { backups: daily(3, { empty: true }) }, ["critical emptied:db"]],
  ["always empty", { backups: daily(3).map((backup) => ({ ...backup, empty: true })) }, []],
  [
    "60 % smaller than the median of the last",
    { backups: daily(8, { plainBytes: 40 * 2 ** 20 }) },
    ["warning size:db"],
  ],
  ["59 % smaller", { backups: daily(8, { plainBytes: 41 * 2 ** 20 }) }, []],
  ["four times as large", { backups: daily(8, { plainBytes: 400 * 2 ** 20 }) }, ["info size:db"]],
  ["much slower", { backups: daily(8, { durationMs: 60_000 }) }, ["warning duration:db"]],
  ["too few to compare with", { backups: daily(3, { plainBytes: 2 ** 20 }) }, []],
  ["dated in the future", { backups: daily(3, { capturedAt: ago(-1) }) }, ["warning clock:db"]],
  ["never drilled, for long", { backups: daily(40) }, ["warning drill-overdue:db"]],
  [
    "drilled, for once",
    {
      backups: [
        ...daily(40, {
          drills: [{ at: ago(0.4), backup: "x", verdict: "proven", rto: null, factsCompared: 3, reason: null }],
        }),
      ],
    },
    [],
  ],
  [
    "a drill found damage",
    {
      backups: daily(3, {
        drills: [{ at: ago(0.4), backup: "x", verdict: "damaged", rto: null, factsCompared: null, reason: "a row" }],
      }),
    },
    ["critical drill-failed:db"],
  ],
  ["restored too slowly", { backups: daily(3, { restores: [{ at: now, ms: 3_600_000 }] }) }, ["warning rto:db"]],
  ["room for less than two more", { backups: daily(3), freeBytes: 59 * 2 ** 20 }, ["critical store-full"]],
  ["the log is broken", { backups: daily(3), brokenLog: "line 3" }, ["critical store-log"]],
])("%s", (_, given, expected) => {
  expect(causes(facts({ databases: db, ...given }))).toEqual(expected);
});

test("a store that fills up is told 21 days before, and urgently 5 days before", () => {
  const gib = 2 ** 30;
  const changes = Array.from({ length: 10 }, (_, index) => ({ at: ago(9.5 - index), bytes: gib }));
  const backups = [backupFact({ daysAgo: 0.4, storedBytes: 10 * gib })];
  const at = (freeBytes: number) => causes(facts({ databases: db, backups, changes, freeBytes }));
  expect(at(30 * gib)).toEqual([]);
  expect(at(20.9 * gib)).toEqual(["warning store-full"]);
  // One like the last would not fit twice.
  expect(at(4.9 * gib)).toEqual(["critical store-full"]);
});

test("the history of a store is counted back from now", () => {
  const changes = [
    { at: ago(3.2), bytes: 100 },
    { at: ago(2.2), bytes: 100 },
    { at: ago(1.2), bytes: -50 },
    { at: ago(-1), bytes: 7 },
  ];
  const history = storeHistory(facts({ changes }), 150);
  expect(history.map(({ at, storedBytes }) => [at.slice(0, 10), storedBytes])).toEqual([
    ["2026-11-20", 100],
    ["2026-11-21", 200],
    ["2026-11-22", 150],
    ["2026-11-23", 150],
  ]);
  expect(storeHistory(facts(), 150)).toEqual([]);
});

test("a forecast needs three days, goes by the last fourteen, and names no day beyond ten years", () => {
  const steady = (days: number, perDay: number) =>
    Array.from({ length: days }, (_, index) => ({ at: ago(days - 1 - index), storedBytes: 1000 + index * perDay }));
  expect(forecast(steady(2, 10), 100)).toEqual({ known: false, reason: "too little data: 2 of at least 3 days" });
  expect(forecast(steady(10, 10), 100)).toMatchObject({ known: true, days: 10, fullAt: ago(-10) });
  expect(forecast(steady(10, 10), null)).toMatchObject({ known: true, days: null, fullAt: null });
  expect(forecast(steady(10, -10), 100)).toMatchObject({ known: true, fullAt: null });
  expect(forecast(steady(10, 1), 4000)).toMatchObject({ known: true, fullAt: null });
  const changed = [
    ...steady(30, 100).map(({ storedBytes }, index) => ({ at: ago(43 - index), storedBytes })),
    ...steady(14, 0),
  ];
  expect(forecast(changed, 100)).toMatchObject({ known: true, bytesPerDay: 0 });
});

test("statistics", () => {
  expect([median([]), median([3]), median([4, 1, 9]), median([1, 2, 3, 10])]).toEqual([undefined, 3, 4, 2.5]);
  expect(
    slope([
      { x: 0, y: 1 },
      { x: 1, y: 3 },
      { x: 2, y: 5 },
    ]),
  ).toBe(2);
  expect(
    slope([
      { x: 1, y: 1 },
      { x: 1, y: 3 },
    ]),
  ).toBeUndefined();
});

test("a failed restore, and one that is unsettled", () => {
  const report = (state: "rolled-back" | "unsettled") =>
    ({
      report: "restore",
      version: 1,
      runId: "r",
      status: "failed",
      startedAt: ago(0.1),
      endedAt: now,
      store: "/s",
      databases: [
        {
          database: "db",
          kind: "redis",
          status: "failed",
          startedAt: ago(0.1),
          endedAt: now,
          state,
          evidence: [],
          warnings: [],
        },
      ],
    }) as const;
  const of = (state: "rolled-back" | "unsettled") =>
    causes(facts({ databases: db, backups: daily(3), reports: [report(state)] }));
  expect(of("rolled-back")).toEqual(["warning restore-failed:db"]);
  expect(of("unsettled")).toEqual(["critical restore-failed:db"]);
});

test("the window cuts what is shown, never what is compared", () => {
  const report = masterReport(facts({ databases: db, since: ago(1), backups: daily(8, { plainBytes: 2 ** 20 }) }));
  expect(report.databases[0]?.samples).toHaveLength(1);
  expect(report.problems.map(({ cause }) => cause)).toEqual(["size:db"]);
  expect(anomalies(report.databases[0]?.samples[0] ?? ({} as never), [])).toEqual([]);
});

test("assess stands alone: it takes what a report holds", () => {
  const given = platform();
  const report = masterReport(given);
  expect(
    assess({ at: report.generatedAt, ...report, reports: [], brokenLog: null }).map(({ cause }) => cause),
  ).toContain("no-good-backup:chromadb");
});
