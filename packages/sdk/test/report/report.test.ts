import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createBackupSystem,
  gatherReport,
  localStore,
  masterReportSchema,
  renderReport,
  reportFormats,
  reportTimes,
  writeReportFile,
  type BackupSystem,
} from "../../src/index.ts";
import { fabricate } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";

let root: string;
let system: BackupSystem;
let one: FakeDatabase;
let two: FakeDatabase;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sutazai-report-"));
  one = new FakeDatabase("one", ["a", "b", "c"]);
  two = new FakeDatabase("two", ["d"]);
  system = systemOf(one, two);
});
afterEach(() => rm(root, { recursive: true, force: true }));

function systemOf(...databases: FakeDatabase[]): BackupSystem {
  const containers = {
    capabilities: { pause: false, stop: false, archive: false, sidecar: false, volumes: false },
    removeOrphans: async () => [],
  } as unknown as ContainerRuntime;
  return createBackupSystem({
    databases,
    store: localStore({ path: join(root, "store") }),
    stateDirectory: join(root, "state"),
    containers,
  });
}

test("a store that is not there is an error, never a report of emptiness; an empty one is critical", async () => {
  await expect(gatherReport(system)).rejects.toMatchObject({ reason: "not-found" });
  await system.store.prepare();
  const report = await gatherReport(system);
  expect(report.status).toBe("critical");
  expect(report.problems.map(({ cause }) => cause)).toEqual(["no-good-backup:one", "no-good-backup:two"]);
  expect(report.notes).toEqual([]);
});

test("real runs: what was backed up, verified, restored, pinned and failed is all in it", async () => {
  const { databases } = await system.backup();
  const [first] = databases;
  await system.pin(first?.backup?.id ?? "", { reason: "kept" });
  await system.restore({ databases: ["one"] });
  two.at("backup");
  const { runId } = await system.backup();
  const report = await gatherReport(system);
  masterReportSchema.parse(report);

  const [of1, of2] = report.databases;
  expect(of1).toMatchObject({
    database: "one",
    kind: "redis",
    configured: true,
    status: "ok",
    lastRun: { runId, status: "ok" },
    rto: { by: "restore", backup: first?.backup?.id },
    coverage: { backups: 3, structure: 3 },
  });
  expect(of1?.backups.map(({ purpose, pinned }) => [purpose, pinned])).toEqual([
    ["backup", null],
    ["safety", null],
    ["backup", "kept"],
  ]);
  expect(of1?.samples.length).toBe(2);
  expect(of2).toMatchObject({
    status: "critical",
    lastRun: { status: "failed" },
    lastGood: { sequence: 1, good: true },
  });
  expect(report.problems.map(({ cause }) => cause)).toEqual(["backup-failed:two"]);
  expect(report.runs.map(({ command }) => command).sort()).toEqual(["backup", "backup", "restore"]);
  expect(report.store.storedBytes).toBe(
    (await system.list()).reduce(
      (sum, { manifest }) => sum + (manifest?.artifacts ?? []).reduce((bytes, { stored }) => bytes + stored.bytes, 0),
      0,
    ),
  );
});

test("what a prune deleted counts as gone, by the size that its report tells", async () => {
  await fabricate(
    system.store,
    Array.from({ length: 6 }, (_, index) => ({ database: "one", daysAgo: 60 - index * 10 })),
  );
  const { freedBytes } = await system.prune({ rules: { days: 0, keepLast: 2 } });
  expect(freedBytes).toBeGreaterThan(0);
  const report = await gatherReport(system);
  const prune = report.runs.find(({ command }) => command === "prune");
  expect(prune).toMatchObject({ status: "ok", freedBytes });
  expect(report.store.history.at(-1)?.storedBytes).toBe(report.store.storedBytes);
  expect(report.databases[0]?.backups.length).toBe(2);
});

test("damaged and unreadable backups, a broken log and reports that are none are told, never passed over", async () => {
  const [old, newer] = await fabricate(system.store, [
    { database: "one", daysAgo: 2, verification: { level: "checksum", ok: false } },
    { database: "one", daysAgo: 1 },
    { database: "two", daysAgo: 0.5 },
  ]);
  const store = join(root, "store");
  await writeFile(join(store, "master_backup_report_20990101T000000.000Z-000000.json"), "{ no json");
  await writeFile(join(store, "drill_report_20990101T000000.000Z-000000.json"), '{"report":"drill"}');
  const files = (await readdir(store, { recursive: true })).filter((name) => name.includes(newer?.id ?? ""));
  const annotation = files.find((name) => name.endsWith("000001.json")) ?? "";
  await writeFile(join(store, annotation), "changed");
  const report = await gatherReport(system);
  expect(report.problems.map(({ cause }) => cause).sort()).toEqual([
    "damaged:one",
    "no-good-backup:one",
    "unreadable:one",
  ]);
  expect(report.problems.find(({ cause }) => cause === "damaged:one")?.what).toContain(old?.id);
  expect(report.databases[0]?.coverage).toMatchObject({ damaged: 1, unknown: 1 });
  expect(report.notes).toHaveLength(2);
});

test("every format is rendered, and a file replaces the old one whole", async () => {
  await system.backup();
  const report = await gatherReport(system);
  const rendered = await Promise.all(reportFormats.map((format) => renderReport(report, format)));
  expect(new Set(rendered).size).toBe(reportFormats.length);
  expect(rendered.every((text) => text.includes("one") && text.endsWith("\n"))).toBe(true);
  const path = join(root, "backups.prom");
  await writeReportFile(path, "old");
  await writeReportFile(path, "new");
  expect(await readFile(path, "utf8")).toBe("new");
  expect((await stat(path)).mode & 0o777).toBe(0o644);
  expect(await readdir(root)).not.toContainEqual(expect.stringMatching(/^\.backups/));
  await expect(writeReportFile(join(root, "not-there", "x"), "y")).rejects.toMatchObject({ reason: "permission" });
});

test("times as people write them", () => {
  const now = new Date("2026-11-23T13:00:00Z");
  expect(reportTimes({ since: "2d", rpo: "1h", drill: "7d" }, now)).toEqual({
    now,
    since: new Date("2026-11-21T13:00:00Z"),
    budgets: { rpoMs: 3_600_000, drillMs: 7 * 86_400_000 },
  });
  expect(reportTimes({ since: "2026-11-01" }, now).since).toEqual(new Date("2026-11-01T00:00:00Z"));
  for (const wrong of ["", "soon", "-3d", "2027-01-01", "0"])
    expect(() => reportTimes({ since: wrong }, now)).toThrow();
});
