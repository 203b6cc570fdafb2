import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localStore, masterReportSchema } from "@sutazai/backup-sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { daily, fabricate } from "../../../packages/sdk/test/fabricated-store.ts";

// Each test starts the program several times.
vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let directory: string;
let before: string[];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-report-"));
  const store = localStore({ path: join(directory, "store"), compression: "none" });
  await fabricate(store, [...daily(5, { database: "fresh" }), { database: "old", daysAgo: 3 }]);
  before = await contents();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function contents(): Promise<string[]> {
  return readdir(join(directory, "store"), { recursive: true }).then((names) => names.sort());
}

/** The real command line on the fabricated store. Docker is neither needed nor reachable. */
function cli(
  ...args: readonly string[]
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  const env = {
    ...process.env,
    BACKUP_DIR: join(directory, "store"),
    BACKUP_STATE_DIR: join(directory, "state"),
    DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "report", ...args], { cwd: directory, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

test("text: what is wrong, and the exit code says that it was told", async () => {
  const { code, stdout } = await cli();
  expect(code).toBe(0);
  expect(stdout).toMatch(/^✗ Something is wrong/);
  expect(stdout).toContain("✗ No good backup of old for 3 d: ");
  expect(stdout).toMatch(/^ {2}✓ {2}fresh/m);
});

test("the end of the output's name says what it is; the store is not touched", async () => {
  for (const [name, begins] of [
    ["page.html", "<!doctype html>"],
    ["all.prom", "# HELP sutazai_backup_"],
  ] as const) {
    const { code, stdout } = await cli("--output", name);
    expect([code, stdout], name).toEqual([0, `${name}\n`]);
    const content = await readFile(join(directory, name), "utf8");
    expect(content.startsWith(begins), name).toBe(true);
  }
  expect(await contents()).toEqual(before);
});

test("budgets and the window", async () => {
  const { stdout } = await cli("--since", "2d", "--rpo", "100h", "--json");
  const { type, report } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { type: string; report: unknown };
  expect(type).toBe("master-report");
  const parsed = masterReportSchema.parse(report);
  expect(parsed.problems).toEqual([]);
  expect(parsed.databases.map(({ samples }) => samples.length)).toEqual([2, 0]);
});

test.each([
  [["--since", "soon"], 2],
  [["--format", "pdf"], 2],
  [["--dir", "nowhere"], 1],
  [["--output", "no/such/directory/x.html"], 1],
])("%j ends with %d and says what to do", async (args, expected) => {
  const { code, stdout, stderr } = await cli(...args);
  expect([code, stdout]).toEqual([expected, ""]);
  expect(stderr).toContain("→ ");
});
