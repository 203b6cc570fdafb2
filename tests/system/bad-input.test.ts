import type { ChildProcess } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import { fillPostgres, fillRedis } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finished, startPlatform, type Platform } from "./platform.ts";

let platform: Platform;
const dir = () => platform.environment["BACKUP_DIR"] ?? "";

beforeAll(async () => {
  platform = await startPlatform();
  await Promise.all([fillPostgres(platform.postgres, { scale: 0.1 }), fillRedis(platform.redis, { keys: 500 })]);
});
afterAll(() => platform[Symbol.asyncDispose]());

/** What lies in the folders of the databases, whole or not. */
async function stored(): Promise<string[]> {
  const entries = await readdir(dir(), { recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.endsWith("manifest.json"));
}

async function failureOf(args: readonly string[], environment?: Record<string, string>) {
  const { code, lines } = await platform.json(args, environment);
  const report = lines.find((line) => line.type === "backup-report" || line.type === "restore-report");
  const error = lines.find((line) => line.type === "error")?.error;
  return {
    code,
    errors: [
      ...(error === undefined ? [] : [error]),
      ...(report?.report.databases ?? []).flatMap((result) => result.error ?? []),
    ],
  };
}

test("a wrong password names the setting to change, and nothing is written", async () => {
  for (const [name, variable] of [
    ["postgres", "BACKUP_POSTGRES_PASSWORD"],
    ["redis", "BACKUP_REDIS_PASSWORD"],
  ] as const) {
    const { code, errors } = await failureOf(["backup", name], { [variable]: "wrong" });
    expect(code).toBe(1);
    expect(errors).toEqual([
      expect.objectContaining({ reason: "authentication", hint: expect.stringMatching(/password/i) }),
    ]);
  }
  expect(await stored()).toEqual([]);
});

test("a container that is missing: the ones that look like it are listed", async () => {
  const { code, errors } = await failureOf(["backup", "redis"], {
    BACKUP_REDIS_CONTAINER: platform.redis.name.slice(0, -1),
  });
  expect(code).toBe(1);
  expect(errors).toEqual([expect.objectContaining({ reason: "not-found" })]);
  expect(JSON.stringify(errors)).toContain(platform.redis.name);
});

test("an unknown database: the known ones are listed", async () => {
  expect(await failureOf(["backup", "postgrse"])).toMatchObject({
    code: 2,
    errors: [{ hint: "known: postgres, redis" }],
  });
});

test("an unknown option, verb or setting is a usage error", async () => {
  expect(await platform.run(["backup", "--compresion", "gzip"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("compresion"),
  });
  expect(await platform.run(["bakcup"])).toMatchObject({ code: 2, stderr: expect.stringContaining("backup") });
  expect(await platform.run([])).toMatchObject({ code: 2 });
  const file = join(platform.directory, "sutazai-backup.config.yaml");
  await writeFile(file, "compresion: gzip\nparallel: many\n");
  const { code, errors } = await failureOf(["backup", "--config", file]);
  expect(code).toBe(2);
  expect(errors[0]?.message).toContain(`did you mean "compression"?`);
  expect(errors[0]?.message).toContain(`parallel in ${file}: found "many"`);
  await writeFile(file, "");
});

test("a store that others can write, or that is a file, is refused before anything is begun", async () => {
  const open = join(platform.directory, "open");
  await mkdir(open);
  await chmod(open, 0o777);
  expect(await failureOf(["backup", "--dir", open])).toMatchObject({
    code: 1,
    errors: [{ reason: "permission", hint: expect.stringContaining("chmod") }],
  });
  const file = join(platform.directory, "file");
  await writeFile(file, "");
  expect((await failureOf(["backup", "--dir", file])).code).toBe(1);
});

test("a restore asks; where nobody can be asked it is refused with the command to use", async () => {
  expect(await failureOf(["restore", "redis"])).toMatchObject({
    code: 4,
    errors: [{ reason: "refused", hint: expect.stringContaining("--force") }],
  });
});

test("a restore without a backup says how to get one", async () => {
  expect(await failureOf(["restore", "redis", "--force"])).toMatchObject({
    code: 1,
    errors: [{ reason: "not-found" }],
  });
});

test("two runs at once: the second is told who holds the lock; --wait waits; unlock breaks it", async () => {
  const containers = dockerRuntime();
  const { id, imageId } = await containers.inspect(platform.redis.name);
  const held = await containers.lock(id, imageId);
  const { code, errors } = await failureOf(["backup", "redis"]);
  expect(code).toBe(5);
  expect(errors).toEqual([
    expect.objectContaining({ reason: "locked", message: expect.stringContaining(String(process.pid)) }),
  ]);

  const waiting = platform.start(["backup", "redis", "--wait"]);
  const waited = finished(waiting);
  await firstLine(waiting);
  expect(waiting.exitCode).toBe(null);
  await held[Symbol.asyncDispose]();
  expect(await waited).toMatchObject({ code: 0 });

  await containers.lock(id, imageId);
  expect(await platform.run(["unlock"])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("redis: lock broken"),
  });
  expect(await platform.run(["backup", "redis"])).toMatchObject({ code: 0 });
});

test("a corrupt backup is found by verify, and refused by restore before anything live is touched", async () => {
  expect(await platform.run(["backup", "redis"])).toMatchObject({ code: 0 });
  const dump =
    (await readdir(dir(), { recursive: true }))
      .filter((entry) => /redis.*dump\.rdb\.zst$/.test(entry))
      .sort()
      .at(-1) ?? "";
  const path = join(dir(), dump);
  const content = await readFile(path);
  content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
  await writeFile(path, content);
  expect(await platform.run(["verify", "redis"])).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("DAMAGED"),
  });
  const { code, lines } = await platform.json([
    "restore",
    "redis",
    "--backup",
    dump.split("/").at(-2) ?? "",
    "--force",
  ]);
  expect(code).toBe(4);
  expect(lines.find((line) => line.type === "restore-report")?.report.databases).toMatchObject([
    { state: "untouched", error: { reason: "corrupt" } },
  ]);
});

test("a manifest of a newer format says which version to use", async () => {
  expect(await platform.run(["backup", "postgres"])).toMatchObject({ code: 0 });
  const manifest = (await stored()).findLast((entry) => entry.startsWith("postgres")) ?? "";
  const path = join(dir(), manifest);
  const content = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...content, version: 99, madeBy: "sutazai-backup 9.0.0" }));
  const id = manifest.split("/").at(-2) ?? "";
  expect(await failureOf(["restore", "postgres", "--backup", id, "--force"])).toMatchObject({
    code: 4,
    errors: [{ reason: "incompatible-version", hint: expect.stringContaining("9.0.0") }],
  });
});

test("Ctrl-C undoes what was begun and says so", async () => {
  const child = platform.start(["backup"]);
  const end = finished(child);
  await firstLine(child);
  child.kill("SIGINT");
  const { code, stderr } = await end;
  expect(code).toBe(130);
  expect(stderr).toContain("undoing what was begun");
  const recovered = await platform.json(["recover"]);
  expect(recovered.lines.find((line) => line.type === "recover-report")).toMatchObject({ operations: [], running: [] });
});

/** Resolves when it says something, or has ended without. */
function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.stderr?.once("data", () => resolve());
    child.once("close", () => resolve());
  });
}
