import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  changePostgres,
  changeRedis,
  emptyPostgres,
  emptyRedis,
  fillPostgres,
  fillRedis,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { startPlatform, type Platform } from "./platform.ts";

let platform: Platform;
let before: Map<string, string>;

beforeAll(async () => {
  platform = await startPlatform();
  await Promise.all([fillPostgres(platform.postgres, { scale: 0.5 }), fillRedis(platform.redis, { keys: 5000 })]);
  before = await witness(platform.postgres, platform.redis);
});
afterAll(() => platform[Symbol.asyncDispose]());

const present = () => witness(platform.postgres, platform.redis);

test("backup, show, list, verify: everything is there and proven", async () => {
  const backup = await platform.json(["backup"]);
  expect(backup).toMatchObject({ code: 0 });
  const report = backup.lines.find((line) => line.type === "backup-report")?.report;
  expect(report?.databases.map(({ database, status, warnings }) => [database, status, warnings])).toEqual([
    ["postgres", "ok", []],
    ["redis", "ok", []],
  ]);
  const names = await readdir(platform.environment["BACKUP_DIR"] ?? "");
  expect(names).toContain(`master_backup_report_${report?.runId}.json`);

  const list = await platform.run(["list"]);
  expect(list).toMatchObject({ code: 0 });
  for (const { backup: taken } of report?.databases ?? []) {
    expect(list.stdout).toContain(taken?.id);
    expect(await platform.run(["show", taken?.id ?? ""])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("verification"),
    });
  }
  expect(await platform.run(["verify"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("2 verified, 0 damaged"),
  });
});

test("restore over changed content: all is as it was, and the changes are in the safety backups", async () => {
  await Promise.all([changePostgres(platform.postgres), changeRedis(platform.redis)]);
  expect(differences(before, await present())).not.toEqual([]);
  const restore = await platform.json(["restore", "all", "--force"]);
  const report = restore.lines.find((line) => line.type === "restore-report")?.report;
  expect(restore, JSON.stringify(report, undefined, 1)).toMatchObject({ code: 0 });
  expect(report?.databases.map(({ status, state, safetyBackup }) => [status, state, typeof safetyBackup])).toEqual([
    ["ok", "restored", "string"],
    ["ok", "restored", "string"],
  ]);
  expect(differences(before, await present())).toEqual([]);

  const changed = await platform.json([
    "restore",
    "redis",
    "--force",
    "--backup",
    report?.databases[1]?.safetyBackup ?? "",
  ]);
  expect(changed).toMatchObject({ code: 0 });
  expect(differences(before, await present())).not.toEqual([]);
});

test("restore after everything was lost", async () => {
  await Promise.all([emptyPostgres(platform.postgres), emptyRedis(platform.redis)]);
  expect(await platform.run(["restore", "all", "--force"])).toMatchObject({ code: 0 });
  expect(differences(before, await present())).toEqual([]);
});

test("nothing of the secrets is in the store, the journal or what was printed", async () => {
  const backup = await platform.json(["backup"]);
  const printed = backup.stdout + backup.stderr;
  const files = await readdir(platform.directory, { recursive: true, withFileTypes: true });
  const contents = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), "latin1")),
  );
  for (const secret of [platform.postgres.password, platform.redis.password]) {
    expect(printed).not.toContain(secret.reveal());
    expect(contents.some((content) => content.includes(secret.reveal()))).toBe(false);
  }
});
