import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, test, vi } from "vitest";
import { startReceiver } from "../../../packages/sdk/test/receiver.ts";

// Each test starts the program.
vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let directory: string;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "not-begun-"));
  receiver = await startReceiver();
  return () => rm(directory, { recursive: true, force: true });
});

/** A scheduled run where there is no Docker, and what its channels heard. */
async function scheduled(task: string, settings: object, environment: Record<string, string> = {}) {
  const config = join(directory, "settings.json");
  const off = { backup: "off", prune: "off", scrub: "off", drill: "off", monitor: "off" };
  const notifications = {
    webhooks: { hook: { url: `${receiver.url}/hook` } },
    healthcheck: { check: `${receiver.url}/ping` },
  };
  const general = {
    dir: join(directory, "store"),
    stateDir: join(directory, "state"),
    schedules: off,
    daemon: { port: 1 },
  };
  await writeFile(config, JSON.stringify({ ...general, notifications, ...settings }));
  receiver.requests.length = 0;
  const env = { ...process.env, DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`, ...environment };
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stderr: string; stdout: string }>();
  execFile(
    process.execPath,
    [main, "--config", config, "schedule", "run", task],
    { cwd: directory, env },
    (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  const ran = await promise;
  const pings = receiver.requests.map(({ path }) => path.split("?")[0]).filter((path) => path?.startsWith("/ping"));
  const told = receiver.requests
    .filter(({ path }) => path === "/hook")
    .map(({ body }) => JSON.parse(body) as { occasion: string; notice: { cause: string } })
    .map(({ occasion, notice }) => `${occasion} ${notice.cause}`)
    .sort();
  return { ...ran, pings, told };
}

const remembered = async (task: string): Promise<object> =>
  JSON.parse(await readFile(join(directory, "state", "schedule", `${task}.json`), "utf8")) as object;

test("a backup of what is to be found, while Docker is down, is remembered and told", async () => {
  const { code, pings, told } = await scheduled("backup", {});
  expect(code).toBe(1);
  expect(pings).toEqual(["/ping/start", "/ping/fail"]);
  expect(told).toContain("first run-failed:backup");
  expect(await remembered("backup")).toMatchObject({ runs: 1, last: { status: "failed" } });
});

test("a configuration that cannot be used is told by the channels that can", async () => {
  const { code, pings, told } = await scheduled("monitor", {
    parallel: 0,
    notifications: {
      slack: { webhookFile: join(directory, "none") },
      webhooks: { hook: { url: `${receiver.url}/hook` } },
      healthcheck: { check: `${receiver.url}/ping` },
    },
  });
  expect(code).toBe(2);
  expect(pings).toEqual(["/ping/fail"]);
  expect(told).toEqual(["first run-failed:monitor"]);
  expect(await remembered("monitor")).toMatchObject({ runs: 1, last: { status: "failed" } });
  // Once it can look again, that is over.
  const mended = await scheduled("monitor", { databases: { redis: { host: "127.0.0.1", port: 1 } } });
  expect(mended.told).toContain("resolved run-failed:monitor");
});

test("a secret that cannot be read fails its database alone", async () => {
  const index = join(directory, "index");
  await mkdir(index);
  const databases = { faiss: { directory: index }, redis: { host: "127.0.0.1", port: 1 } };
  const { stdout, code, told } = await scheduled(
    "backup",
    { databases },
    {
      BACKUP_REDIS_PASSWORD_FILE: join(directory, "none"),
    },
  );
  expect(stdout).toContain("BACKUP_REDIS_PASSWORD_FILE names");
  expect(code).toBe(3);
  expect(told).toEqual(["first backup-failed:redis", "first no-good-backup:redis"]);
});

test("a secret of a channel that cannot be read fails that channel alone, until it can", async () => {
  const index = join(directory, "index");
  await mkdir(index);
  const databases = { faiss: { directory: index }, redis: { host: "127.0.0.1", port: 1 } };
  const webhookFile = join(directory, "slack");
  const notifications = { slack: { webhookFile }, webhooks: { hook: { url: `${receiver.url}/hook` } } };
  const { code, stderr, told } = await scheduled("backup", { databases, notifications });
  expect(code).toBe(3);
  expect(stderr).toMatch(/slack could not be told.*webhookFile in .* names/);
  expect(told).toContain("first backup-failed:redis");
  expect(receiver.requests.filter(({ path }) => path === "/slack")).toEqual([]);
  await writeFile(webhookFile, `${receiver.url}/slack`);
  await scheduled("backup", { databases, notifications });
  const heard = receiver.requests.filter(({ path }) => path === "/slack").map(({ body }) => body);
  expect(heard.join()).toContain("redis");
});

test("where nothing can be remembered the run goes on, and tells that", async () => {
  await mkdir(join(directory, "state"), { mode: 0o700 });
  await writeFile(join(directory, "state", "schedule"), "in the way");
  const index = join(directory, "index");
  await mkdir(index);
  const { code, stderr, pings } = await scheduled("backup", { databases: { faiss: { directory: index } } });
  expect(code).toBe(0);
  expect(pings).toEqual(["/ping/start", "/ping"]);
  expect(stderr).toContain("what scheduled runs came to cannot be written");
});
