import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer, type TestServer } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SelfTestReport } from "../../src/index.ts";

const main = fileURLToPath(new URL("../../../../apps/cli/src/main.ts", import.meta.url));

let directory: string;
let server: TestServer;
const name = `first-${process.pid}`;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "self-test-real-"));
  server = await startServer("redis", { labels: { "sutazai.backup": "redis", "sutazai.backup.name": name } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

function cli(...args: readonly string[]) {
  const env = {
    ...process.env,
    BACKUP_STATE_DIR: join(directory, "state"),
    BACKUP_DAEMON_PORT: "0",
  };
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  execFile(process.execPath, [main, ...args], { cwd: directory, env }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

const secret = () => server.password.reveal();

test("from nothing to a proven backup: init, a dry run, a backup, a test with a drill", async () => {
  const written = await cli("init", "--yes", "--dir", join(directory, "store"));
  expect(written.stdout).toContain(`sutazai-backup.config.yaml is written. Next:`);
  const text = await readFile(join(directory, "sutazai-backup.config.yaml"), "utf8");
  expect(text).toMatch(
    new RegExp(
      `  # redis .*: reached when this was written\n  ${name}:\n    kind: redis\n    container: ${server.name}\n`,
    ),
  );

  const dry = await cli("test", "--dry-run");
  expect(dry.stdout).toContain(`✓ ${name}: The server answers and takes the credentials: redis `);
  expect(dry.stdout).toContain(`– ${name}: There is a good backup: there is no store at `);

  expect(await cli("backup", name)).toMatchObject({ code: 0 });
  const { stdout } = await cli("test", "--json");
  const report = (JSON.parse(stdout.trim().split("\n").at(-2) ?? "") as { report: SelfTestReport }).report;
  const of = (id: string) => report.checks.find((check) => check.id === id && check.database === name);
  for (const id of [
    "containers.running",
    "containers.persistent",
    "connectivity.server",
    "versions.server",
    "backups.fresh",
    "backups.integrity",
    "backups.structure",
    "drill.restored",
  ]) {
    expect([id, of(id)?.status, of(id)?.message]).toEqual([id, "pass", expect.any(String)]);
  }
  expect(of("drill.restored")?.message).toMatch(/restored in /);
  expect(report.damaged).toBe(false);

  const shown = await cli("config", "show");
  for (const output of [written, dry, shown]) expect(output.stdout + output.stderr + text).not.toContain(secret());
  expect(stdout).not.toContain(secret());
});
