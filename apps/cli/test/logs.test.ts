import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Store } from "@sutazai/backup-core";
import { localStore } from "@sutazai/backup-sdk";
import { beforeEach, expect, test, vi } from "vitest";
import { daily, fabricate } from "../../../packages/sdk/test/fabricated-store.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

// Each starts the command line several times.
vi.setConfig({ testTimeout: 120_000 });

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-logs-"));
  store = localStore({ path: join(directory, "store"), compression: "none" });
  return () => rm(directory, { recursive: true, force: true });
});

/** The real command line. Docker is neither needed nor reachable. */
function cli(args: readonly string[], environment: Record<string, string> = {}) {
  const env = {
    ...process.env,
    BACKUP_DIR: store.location,
    BACKUP_STATE_DIR: join(directory, "state"),
    DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`,
    ...environment,
  };
  return new Promise<{ code: number | string | null | undefined; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd: directory, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

const last = (stdout: string) => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
const linesOf = async (path: string) =>
  (await readFile(path, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("verify --log: ok, then cut short", async () => {
  await fabricate(store, daily(2));
  const first = await cli(["verify", "--log", "--json"]);
  expect(first.code).toBe(0);
  const { head } = last(first.stdout);
  expect(last(first.stdout)).toMatchObject({ type: "log-verified", ok: true, entries: 2, problems: [] });
  const compared = await cli(["verify", "--log", "--head", String(head)]);
  expect(compared).toMatchObject({ code: 0, stdout: expect.stringContaining("given: ") });
  expect(compared.stdout).toContain("not shown: ");

  const path = join(store.location, "log.jsonl");
  await writeFile(path, `${(await readFile(path, "utf8")).split("\n")[0]}\n`);
  const cut = await cli(["verify", "--log"]);
  expect(cut).toMatchObject({ code: 6, stdout: expect.stringContaining("does not hold the head kept on this host") });
  expect(await cli(["verify", "--head", String(head)])).toMatchObject({ code: 2 });
  expect(await cli(["verify", "--log", "--head", "c0ffee"])).toMatchObject({ code: 2 });
});

test("a run leaves a log of its own, named as the run, and lines in the audit log", async () => {
  await fabricate(store, daily(3));
  const pruned = await cli(["prune", "--days", "1", "--json"]);
  const { runId } = (last(pruned.stdout) as { report: { runId: string } }).report;
  const [name] = await readdir(join(store.location, "logs"));
  expect(name).toBe(`prune_${runId}.log`);
  const path = join(store.location, "logs", name ?? "");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const lines = await linesOf(path);
  expect(lines[0]).toMatchObject({ runId, msg: "begin", command: "prune --days 1 --json" });
  expect(lines.at(-1)).toMatchObject({ msg: "end", exitCode: 0 });
  expect(lines).toContainEqual(expect.objectContaining({ msg: "run-end" }));

  await cli(["list"]);
  expect(await readdir(join(store.location, "logs"))).toHaveLength(1);

  const shown = await cli(["audit", "show", "--since", "1h", "--json"]);
  expect(last(shown.stdout)).toMatchObject({
    type: "audit",
    entries: expect.arrayContaining([
      expect.objectContaining({ action: "prune", outcome: "ok", runId, command: "prune --days 1 --json" }),
    ]),
  });
  expect((await cli(["audit", "show"])).stdout).toMatch(/prune +begun/);
});

test("audit verify: ok, then changed; a head that is not in it", async () => {
  await fabricate(store, daily(1));
  await cli(["prune"]);
  const ok = await cli(["audit", "verify", "--json"]);
  expect(ok.code).toBe(0);
  const { head } = last(ok.stdout);
  await cli(["prune"]);
  expect((await cli(["audit", "verify", "--head", String(head)])).code).toBe(0);
  expect((await cli(["audit", "verify", "--head", "0".repeat(63) + "1"])).code).toBe(6);
  const path = join(directory, "state", "audit.jsonl");
  await writeFile(path, (await readFile(path, "utf8")).replace('"outcome":"begun"', '"outcome":"ok"'));
  expect(await cli(["audit", "verify"])).toMatchObject({ code: 6, stdout: expect.stringContaining("is damaged") });
});

test("no secret is in any log, whatever fails", async () => {
  const canary = "c4n4ry-s3cret/ß";
  const failed = await cli(["backup", "--log-level", "debug"], {
    BACKUP_POSTGRES_HOST: "127.0.0.1",
    BACKUP_POSTGRES_PORT: "1",
    BACKUP_POSTGRES_PASSWORD: canary,
  });
  expect(failed.code).not.toBe(0);
  const [name] = await readdir(join(store.location, "logs"));
  expect(name).toMatch(/^backup_.*\.log$/);
  const files = [join(store.location, "logs", name ?? ""), join(directory, "state", "audit.jsonl")];
  for (const text of [
    failed.stdout,
    failed.stderr,
    ...(await Promise.all(files.map((file) => readFile(file, "utf8")))),
  ]) {
    expect(text).not.toContain("c4n4ry");
  }
});
