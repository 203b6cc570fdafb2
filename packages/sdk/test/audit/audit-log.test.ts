import { appendFile, chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { BackupEvent, ContainerRuntime, Json } from "@sutazai/backup-core";
import { beforeEach, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem, type BackupSystemOptions } from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;

let directory: string;
let db: FakeDatabase;
let events: BackupEvent[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "audit-"));
  db = new FakeDatabase("db", ["one"]);
  events = [];
  return () => rm(directory, { recursive: true, force: true });
});

function systemOf(options: Partial<BackupSystemOptions> = {}): BackupSystem {
  return createBackupSystem({
    databases: [db],
    store: localStore({ path: join(directory, "store") }),
    containers: noDocker,
    stateDirectory: join(directory, "state"),
    command: "backup db",
    onEvent: (event) => events.push(event),
    ...options,
  });
}
const file = () => join(directory, "state", "audit.jsonl");
const told = async (system: BackupSystem) =>
  (await system.audit()).map(({ action, outcome }) =>
    outcome === "begun" ? `${action} begun` : `${action} ${outcome}`,
  );

test("who did what is written before it begins, and how it ended", async () => {
  const system = systemOf({ runId: "run-1" });
  let atWork = "";
  db.at("backup", async () => {
    atWork = await readFile(file(), "utf8");
  });
  const report = await system.backup({ databases: ["db"] });
  expect(report.runId).toBe("run-1");
  expect(atWork).toContain('"outcome":"begun"');
  const [begun, ended] = await system.audit();
  const who = {
    user: userInfo().username,
    host: hostname(),
    process: process.pid,
    command: "backup db",
    runId: "run-1",
  };
  expect(begun).toMatchObject({ ...who, sequence: 1, action: "backup", outcome: "begun", databases: ["db"] });
  expect(ended).toMatchObject({ ...who, outcome: "ok", details: [{ backup: report.databases[0]?.backup?.id }] });
  expect(ended?.previous).toBe(begun?.head);
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test("everything that changes or proves something is in it, also what fails; what only looks is not", async () => {
  const system = systemOf();
  const id = (await system.backup()).databases[0]?.backup?.id ?? "";
  await system.list();
  await system.show(id);
  await system.planRestore();
  await system.prune({ dryRun: true });
  expect(await system.audit()).toHaveLength(2);

  await system.pin(id, { reason: "keep" });
  await system.unpin(id);
  await system.restore({ backup: id });
  await system.verify();
  await system.verifyLog();
  await system.prune();
  await system.recover();
  await system.unlock();
  await system.noteAudit({ action: "schedule", databases: [], outcome: "ok", details: { install: "daily" } });
  await expect(system.backup({ databases: ["nobody"] })).rejects.toThrow("nobody");
  db.at("backup");
  await system.backup();
  const ended = (await told(system)).filter((line) => !line.endsWith("begun"));
  expect(ended).toEqual([
    "backup ok",
    "pin ok",
    "unpin ok",
    "restore ok",
    "verify ok",
    "verify ok",
    "prune ok",
    "recover ok",
    "unlock ok",
    "schedule ok",
    "backup failed",
    "backup failed",
  ]);
  expect((await system.audit()).at(-1)?.details).toMatchObject([{ error: { reason: "tool-failed" } }]);
});

test("settings are noted when they are not what they were, once", async () => {
  const withSettings = (settings: Json) => systemOf({ settings });
  await withSettings({ dir: "a" }).backup();
  await withSettings({ dir: "a" }).backup();
  const system = withSettings({ dir: "b" });
  await system.backup();
  await system.backup();
  const settings = (await system.audit()).filter(({ action }) => action === "settings");
  expect(settings.map(({ details }) => details)).toEqual([{ dir: "a" }, { dir: "b" }]);
});

test("a change of any line shows, and what comes next is written all the same", async () => {
  const system = systemOf();
  await system.backup();
  const good = await readFile(file(), "utf8");
  await writeFile(file(), good.replace('"outcome":"ok"', '"outcome":"no"'));
  await expect(system.audit()).rejects.toMatchObject({ reason: "corrupt", details: { line: 2 } });
  expect((await system.backup()).status).toBe("ok");
  await expect(system.audit()).rejects.toMatchObject({ reason: "corrupt", details: { line: 2 } });

  await writeFile(file(), good.slice(good.indexOf("\n") + 1));
  await expect(system.audit()).rejects.toMatchObject({ details: { line: 1 } });
  await writeFile(file(), good);
  await appendFile(file(), '{"sequence":3');
  expect(await system.audit()).toHaveLength(2);
  await system.backup();
  expect(await system.audit()).toHaveLength(4);
});

test("one that cannot be written is told, and stops nothing", async () => {
  const path = join(directory, "not-a-directory");
  await writeFile(path, "");
  await chmod(path, 0o600);
  expect((await systemOf({ auditLog: join(path, "audit.jsonl") }).backup()).status).toBe("ok");
  expect(events).toContainEqual(
    expect.objectContaining({
      type: "warning",
      message: expect.stringContaining("the audit log could not be written"),
    }),
  );
});
