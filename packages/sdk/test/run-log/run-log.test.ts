import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, newId, Secret } from "@sutazai/backup-core";
import { beforeEach, expect, test } from "vitest";
import { openRunLog, type RunLogOptions } from "../../src/run-log/run-log.ts";

const password = 'c4n"ary/ßecret';
const at = "2026-11-23T20:00:00.000Z";

let directory: string;
let shown: string;
let problems: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "run-log-"));
  shown = "";
  problems = [];
  return () => rm(directory, { recursive: true, force: true });
});

const logOf = (options: Partial<RunLogOptions> = {}) =>
  openRunLog({
    directory: join(directory, "store", "logs"),
    waitsForParent: false,
    name: "backup",
    runId: newId(),
    level: "warn",
    days: 90,
    files: 100,
    secrets: [new Secret(password)],
    onProblem: (message) => problems.push(message),
    stderr: { write: (text: string | Uint8Array) => (shown += String(text)).length > 0 },
    ...options,
  });
const linesOf = async (path: string) =>
  (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("everything goes to the file, what is asked for to standard error, events to the file alone", async () => {
  const log = logOf({ runId: "20261123T200000.000Z-abcdef" });
  log.event({ type: "run-start", at, runId: "1", command: "backup", databases: ["db"] });
  log.event({ type: "progress", at, database: "db", step: "dumping", bytes: 1 });
  log.event({ type: "progress", at, database: "db", step: "dumping", bytes: 2 });
  log.logger.debug({ port: 1 }, "looked");
  log.logger.warn({ port: 2 }, "odd");
  expect((await linesOf(log.path)).map(({ level, msg }) => [level, msg])).toEqual([
    ["info", "begin"],
    ["info", "run-start"],
    ["info", "progress"],
    ["debug", "looked"],
    ["warn", "odd"],
  ]);
  expect(shown).toMatch(/^\S+Z warn: odd {"port":2}\n$/);
  expect(log.path).toBe(join(directory, "store", "logs", "backup_20261123T200000.000Z-abcdef.log"));
  expect((await stat(log.path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, "store", "logs"))).mode & 0o777).toBe(0o700);
});

test("no secret gets there, however it comes", async () => {
  const log = logOf({ level: "debug" });
  const error = new BackupError("connection", `no entry for ${password}`, {
    details: { tried: [{ password }] },
    cause: new Error(`postgres://me:${encodeURIComponent(password)}@host/db`),
  });
  log.logger.error({ error, deep: { list: [password, new Secret(password)] } }, `said ${password}`);
  log.logger.info({ url: "redis://:unknown-to-us@host:1/0" }, "reached");
  log.event({ type: "warning", at, message: `the tool said ${password}` });
  const written = await readFile(log.path, "utf8");
  for (const text of [written, shown]) {
    for (const form of [
      password,
      JSON.stringify(password).slice(1, -1),
      encodeURIComponent(password),
      "unknown-to-us",
    ]) {
      expect(text).not.toContain(form);
    }
    expect(text).toContain("no entry for **redacted**");
  }
});

test("in a store, it waits until the store is there", async () => {
  const log = logOf({ waitsForParent: true });
  log.logger.info({}, "before");
  expect(await readdir(directory)).toEqual([]);
  await mkdir(join(directory, "store"));
  log.logger.info({}, "after");
  expect((await linesOf(log.path)).map(({ msg }) => msg)).toEqual(["begin", "before", "after"]);
});

test("how it ended is the last line; where nothing happened there is no file", async () => {
  const quiet = logOf();
  await quiet.close({ exitCode: 0 });
  expect(await readdir(directory)).toEqual([]);
  const failed = logOf({ command: "backup db" });
  await failed.close({ exitCode: 1, error: new BackupError("timeout", "too long", { hint: "wait" }) });
  expect(await linesOf(failed.path)).toMatchObject([
    { msg: "begin", command: "backup db" },
    { level: "error", error: { reason: "timeout", message: "too long", hint: "wait" } },
    { msg: "end", exitCode: 1 },
  ]);
  expect(shown).toBe("");
});

test("old ones go by age and by number; nothing else does", async () => {
  const logs = join(directory, "store", "logs");
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const daysAgo = (days: number) => `prune_${newId(new Date(Date.now() - days * 86_400_000))}.log`;
  const [old, middle, recent] = [daysAgo(91), daysAgo(20), daysAgo(1)];
  for (const name of [old, middle, recent, "notes.log", "backup_old.log"]) await writeFile(join(logs, name), "");
  const log = logOf({ files: 2 });
  await log.close();
  expect(await readdir(logs)).toHaveLength(5);
  log.logger.info({}, "one");
  await log.close();
  expect((await readdir(logs)).sort()).toEqual(
    ["backup_old.log", "notes.log", recent, log.path.split("/").at(-1) ?? ""].sort(),
  );
});

test("a place that others can write to, or that is a link, is not used; that is told once", async () => {
  await mkdir(join(directory, "open"));
  await chmod(join(directory, "open"), 0o777);
  await symlink(join(directory, "open"), join(directory, "link"));
  for (const name of ["open", "link"]) {
    const log = logOf({ directory: join(directory, name) });
    log.logger.info({}, "one");
    log.logger.info({}, "two");
  }
  expect(problems).toHaveLength(2);
  expect(await readdir(join(directory, "open"))).toEqual([]);
});
