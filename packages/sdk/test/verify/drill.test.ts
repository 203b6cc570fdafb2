import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntime, ThrowawaySpec } from "@sutazai/backup-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBackupSystem, loadConfig, localStore, type BackupSystem } from "../../src/index.ts";
import { DrilledDatabase, throwawayRuntime } from "../drilled-database.ts";
import type { FakeDatabase } from "../fake-database.ts";

let directory: string;
let specs: ThrowawaySpec[];
let containers: ContainerRuntime;
let db: DrilledDatabase;
let system: BackupSystem;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sdk-drill-"));
  specs = [];
  containers = throwawayRuntime((spec) => specs.push(spec));
  db = new DrilledDatabase("db", ["one", "two"]);
  system = systemOf([db]);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function systemOf(databases: readonly FakeDatabase[]): BackupSystem {
  return createBackupSystem({
    databases,
    store: localStore({ path: join(directory, "store") }),
    containers,
    stateDirectory: join(directory, "state"),
    drill: { memory: 512, images: { db: "fake:1", other: "fake:2" } },
  });
}

const backUp = async () => (await system.backup()).databases[0]?.backup?.id ?? "";
const standing = async (id: string) => (await system.standings([id])).get(id);

test("the newest good backup is drilled with the settings there are, and carries it", async () => {
  const older = await backUp();
  const newest = await backUp();
  const report = await system.drill();
  expect(report).toMatchObject({
    report: "drill",
    status: "ok",
    databases: [{ database: "db", status: "ok", verdict: "proven", backup: { id: newest, plainBytes: 8 } }],
  });
  expect(specs).toMatchObject([{ image: "fake:1", memoryLimit: 512 }]);
  expect([(await standing(older))?.proven?.level, (await standing(newest))?.proven?.level]).toEqual([
    "structure",
    "restore",
  ]);
});

test("one that fails counts as damaged: a restore and the next drill take the one before it", async () => {
  const older = await backUp();
  const newest = await backUp();
  db.spoilt = true;
  expect((await system.drill()).databases).toMatchObject([
    {
      verdict: "damaged",
      backup: { id: newest },
      error: { reason: "mismatch", message: expect.stringContaining("lines") },
    },
  ]);
  db.spoilt = false;
  // Its bytes are as they were: reading it again takes nothing back.
  await system.verify();
  expect(await standing(newest)).toMatchObject({ proven: undefined, damage: { level: "restore" } });
  expect((await system.restore()).databases).toMatchObject([{ backup: older, state: "restored" }]);
  expect((await system.drill()).databases).toMatchObject([{ verdict: "proven", backup: { id: older } }]);
  // Only a drill can take it back.
  expect((await system.drill({ backup: newest })).databases).toMatchObject([{ verdict: "proven" }]);
  expect((await standing(newest))?.damage).toBeUndefined();
});

test("what could not be tried is noted nowhere", async () => {
  const id = await backUp();
  db.drill = () => {
    throw new Error("no such thing");
  };
  const before = (await system.show(id)).annotations.length;
  expect((await system.drill()).databases).toMatchObject([{ status: "failed", verdict: "undecided" }]);
  const { annotations } = await system.show(id);
  // Reading it came first, and passed.
  expect(annotations.slice(before).map(({ value }) => (value as { level: string }).level)).toEqual([
    "checksum",
    "structure",
  ]);
  expect((await standing(id))?.damage).toBeUndefined();
});

test("a database without a backup fails, a backup without its database is drilled all the same where its kind is known", async () => {
  expect((await system.drill()).databases).toMatchObject([{ verdict: "undecided", error: { reason: "not-found" } }]);
  const other = systemOf([new DrilledDatabase("other", ["x"])]);
  await other.backup();
  const report = await system.drill();
  expect(report.databases.map(({ database }) => database)).toEqual(["db", "other"]);
  await expect(system.drill({ databases: ["dp"] })).rejects.toMatchObject({
    reason: "configuration",
    hint: "known: db, other",
  });
});

test("all of them, where that is asked for, or a share", async () => {
  const ids = [await backUp(), await backUp(), await backUp()];
  expect((await system.drill({ all: true })).databases.map(({ backup }) => backup?.id)).toEqual(ids);
  const shares = [1, 2].map(async (number) => (await system.drill({ share: { number, of: 2 } })).databases);
  const drilled = (await Promise.all(shares)).flat().map(({ backup }) => backup?.id ?? "");
  expect(drilled.toSorted()).toEqual(ids.toSorted());
});

test("a backup that is proven at once says so; one that fails is there, and failed", async () => {
  expect((await system.backup({ prove: true })).databases).toMatchObject([
    { status: "ok", backup: { verified: "restore" }, drill: { verdict: "proven", rto: { ms: expect.any(Number) } } },
  ]);
  db.spoilt = true;
  const [failed] = (await system.backup({ prove: true })).databases;
  expect(failed).toMatchObject({
    status: "failed",
    backup: { verified: "structure" },
    drill: { verdict: "damaged" },
    error: { reason: "mismatch" },
  });
  expect((await standing(failed?.backup?.id ?? ""))?.damage).toBeDefined();
  db.drill = () => {
    throw new Error("no such thing");
  };
  expect((await system.backup({ prove: true })).databases).toMatchObject([
    { status: "partial", drill: { verdict: "undecided" }, incomplete: [expect.stringContaining("not proven")] },
  ]);
});

test("image and memory are settings", async () => {
  const load = (environment: Readonly<Record<string, string>>) =>
    loadConfig(containers, {
      workingDirectory: directory,
      environment: { BACKUP_REDIS_CONTAINER: "cache", ...environment },
    });
  expect((await load({})).settings.drillMemory).toBe(1024 ** 3);
  const loaded = await load({ BACKUP_REDIS_DRILL_IMAGE: "redis:8", BACKUP_DRILL_MEMORY: "1.5g" });
  expect([loaded.drillImages, loaded.settings.drillMemory]).toEqual([{ redis: "redis:8" }, 1.5 * 1024 ** 3]);
  await expect(load({ BACKUP_DRILL_MEMORY: "much" })).rejects.toMatchObject({
    reason: "configuration",
    message: expect.stringContaining("BACKUP_DRILL_MEMORY"),
  });
});
