import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Store } from "@sutazai/backup-core";
import { localStore } from "@sutazai/backup-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { daily, fabricate, never } from "../../../packages/sdk/test/fabricated-store.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-prune-"));
  store = localStore({ path: join(directory, "store"), compression: "none" });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Result {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line on the fabricated store. Docker is neither needed nor reachable. */
function cli(args: readonly string[], environment: Record<string, string> = {}): Promise<Result> {
  const env = {
    ...process.env,
    BACKUP_DIR: store.location,
    BACKUP_STATE_DIR: join(directory, "state"),
    DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`,
    ...environment,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd: directory, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

async function json(args: readonly string[], environment?: Record<string, string>) {
  const { code, stdout } = await cli([...args, "--json"], environment);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly type: string; readonly [field: string]: unknown });
  return { code, lines, result: lines.at(-1) };
}

const present = async () => (await store.list()).map(({ id }) => id);

test("prune: told, then done, then nothing left to do", async () => {
  const made = await fabricate(store, daily(5));
  const [oldest, second, , , newest] = made.map(({ id }) => id);

  const dry = await cli(["prune", "--dry-run", "--days", "2"]);
  expect(dry.code).toBe(0);
  expect(dry.stdout).toContain(`${oldest}  good  `);
  expect(dry.stdout).toMatch(new RegExp(`${oldest} .* would go +older than 2 days; ${newest} is newer`));
  expect(dry.stdout).toMatch(new RegExp(`${newest} .* stays +the newest that has passed structure;`));
  expect(dry.stdout).toContain("2 backups would go, and free ");
  expect(dry.stdout).toMatch(/^the store before: .*\nthe store after: /m);
  expect(await present()).toHaveLength(5);

  const { code, lines, result } = await json(["prune"], { BACKUP_RETENTION_DAYS: "2" });
  expect(code).toBe(0);
  expect(result).toMatchObject({
    type: "prune-report",
    report: { status: "ok", dryRun: false, databases: [{ database: "db", deleted: [second, oldest] }] },
  });
  expect(lines.map(({ type }) => type)).toEqual([
    "run-start",
    "database-start",
    "progress",
    "progress",
    "database-end",
    "run-end",
    "prune-report",
  ]);
  expect(await present()).toEqual(made.slice(2).map(({ id }) => id));
  expect((await cli(["prune", "--days", "2"])).stdout).toContain("0 backups deleted");
}, 120_000);

test("prune: exit codes tell usage, refusal and locks apart, and nothing goes", async () => {
  await fabricate(store, [...daily(4).map(({ daysAgo }) => ({ daysAgo: daysAgo + 300 })), { daysAgo: 0 }]);
  expect(await cli(["prune", "--days", "many"])).toMatchObject({ code: 2 });
  expect(await cli(["prune", "--level", "full"])).toMatchObject({ code: 2, stderr: expect.stringContaining("level") });
  expect(await cli(["prune", "--days", "0"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no rule keeps anything"),
  });
  expect(await cli(["prune", "dp"])).toMatchObject({ code: 2, stderr: expect.stringContaining("known: db") });
  expect(await cli(["prune", "--days", "30"])).toMatchObject({
    code: 4,
    stdout: expect.stringContaining("--allow-unusual"),
  });
  {
    await using _lock = await store.lock("shared", { wait: false, signal: never });
    expect(await cli(["prune"])).toMatchObject({ code: 5, stderr: expect.stringContaining("is locked by") });
  }
  expect(await present()).toHaveLength(5);
  expect(await cli(["prune", "--days", "30", "--allow-unusual"])).toMatchObject({ code: 0 });
  expect(await present()).toHaveLength(1);
}, 120_000);

test("pin and unpin: shown by list and show, obeyed by prune", async () => {
  const [first, , last] = (await fabricate(store, daily(3))).map(({ id }) => id) as [string, string, string];
  expect(await cli(["pin", first])).toMatchObject({ code: 2, stderr: expect.stringContaining("reason") });
  expect(await cli(["pin", first, "--reason", "the audit of May"])).toMatchObject({
    code: 0,
    stdout: `${first} is pinned: the audit of May\n`,
  });
  expect((await cli(["list"])).stdout).toMatch(new RegExp(`${first} .* the audit of May`));
  expect((await json(["list"])).result).toMatchObject({
    backups: [{ pinned: { reason: "the audit of May" } }, {}, {}],
  });
  expect((await cli(["show", first])).stdout).toMatch(/pinned since .*: the audit of May/);

  await cli(["prune", "--days", "0", "--keep-last", "1"]);
  expect(await present()).toEqual([first, last]);
  expect((await json(["unpin", first])).result).toMatchObject({
    type: "unpinned",
    lifted: { reason: "the audit of May" },
  });
  expect((await cli(["unpin", first])).stdout).toBe(`${first} was not pinned\n`);
  await cli(["prune", "--days", "0", "--keep-last", "1"]);
  expect(await present()).toEqual([last]);
  expect(await cli(["pin", first, "--reason", "too late"])).toMatchObject({ code: 1 });
}, 120_000);
