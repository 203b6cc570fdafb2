import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SelfTestReport } from "@sutazai/backup-sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const file = "sutazai-backup.config.yaml";
const canary = "canary-71c2";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-self-test-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** The real command line, where there is no Docker. */
function cli(...args: readonly string[]) {
  const env = {
    ...process.env,
    BACKUP_DIR: join(directory, "store"),
    BACKUP_STATE_DIR: join(directory, "state"),
    BACKUP_DAEMON_PORT: "0",
    DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`,
  };
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  execFile(process.execPath, [main, ...args], { cwd: directory, env }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

test("a dry run without Docker tells what is wrong, and leaves nothing behind", async () => {
  const { code, stdout } = await cli("test", "--dry-run", "--json");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; id?: string; report?: SelfTestReport });
  const report = lines.at(-1)?.report;
  expect(code).toBe(1);
  expect(report).toMatchObject({ report: "self-test", version: 1, dryRun: true, status: "failed" });
  expect(lines.filter(({ type }) => type === "check").length).toBe(report?.checks.length);
  const failed = report?.checks.filter(({ status }) => status === "fail").map(({ id }) => id);
  expect(failed).toEqual(["configuration.databases", "containers.docker"]);
  expect(await readdir(directory)).toEqual([]);
});

test("a configuration with errors is what fails; nothing is hidden behind it, and no secret is told", async () => {
  await writeFile(
    join(directory, file),
    `paralel: 3\ndatabases:\n  redis:\n    container: x\n    password: ${canary}\n`,
  );
  const { code, stdout, stderr } = await cli("test");
  expect(code).toBe(1);
  expect(stdout).toContain('did you mean "parallel"?');
  expect(stdout).toMatch(/ ✓ This Node.js is recent enough/);
  expect(stderr).toContain("the report is not kept");
  expect(stdout + stderr).not.toContain(canary);
  expect(await readdir(directory)).toEqual([file]);
});

test("a real test without Docker keeps its report in the logs", async () => {
  await writeFile(join(directory, file), "databases:\n  redis:\n    host: 127.0.0.1\n    port: 1\n");
  const { code, stdout } = await cli("test");
  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ redis: The server answers and takes the credentials: connection: /);
  expect(stdout).toMatch(/✓ What is written to the store can be read back/);
  expect(stdout).toMatch(/\nCHECKS FAILED: \d+ passed, /);
  const kept = await readdir(join(directory, "store/logs/backup-tests"));
  expect(kept.map((name) => name.replace(/^self-test-.*\./, "")).sort()).toEqual(["html", "json"]);
});

test("the settings in force, and where each came from", async () => {
  await writeFile(join(directory, file), `databases:\n  redis:\n    host: h\n    password: ${canary}\n`);
  const { code, stdout, stderr } = await cli("config", "show");
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`dir +${directory}/store +variable: BACKUP_DIR`));
  expect(stdout).toMatch(/databases\.redis\.password +\*\*redacted\*\* +file: databases\.redis\.password in /);
  expect(stdout).toMatch(/parallel +6 +default/);
  expect(stdout + stderr).not.toContain(canary);
});

test("the schema for editors", async () => {
  const { code, stdout } = await cli("config", "schema");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: "Configuration of sutazai-backup" });
});

test.each([
  [["init", "--yes"], 1, "start Docker"],
  [["init"], 4, "--yes"],
  [["init", "--yes", "--output", "x.toml"], 2, ".yaml"],
  [["test", "--dry-run", "--notify"], 2, "mutually exclusive"],
  [["config", "shwo"], 2, "Choices"],
])("%j ends with %d and says what to do", async (args, expected, words) => {
  const { code, stdout, stderr } = await cli(...args);
  expect([code, stdout]).toEqual([expected, ""]);
  expect(stderr).toContain(words);
  expect(await readdir(directory)).toEqual([]);
});

test("init replaces nothing unasked", async () => {
  await writeFile(join(directory, file), "{}\n");
  const { code, stderr } = await cli("init", "--yes");
  expect(code).toBe(4);
  expect(stderr).toContain("--force");
});
