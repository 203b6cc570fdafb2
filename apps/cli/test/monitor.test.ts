import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localStore } from "@sutazai/backup-sdk";
import { SMTPServer } from "smtp-server";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { daily, fabricate } from "../../../packages/sdk/test/fabricated-store.ts";

// Each test starts the program several times.
vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const secret = "T0PS3CRET";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-monitor-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const requests: { readonly path: string; readonly body: string }[] = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => (body += text));
  request.on("end", () => {
    requests.push({ path: request.url ?? "", body });
    response.end("OK");
  });
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => void receiver.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(() => void receiver.close());
beforeEach(() => void requests.splice(0));

async function startMailServer(): Promise<{ readonly port: number; readonly mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    onData: (stream, _session, callback) => {
      let mail = "";
      stream.setEncoding("utf8").on("data", (text: string) => (mail += text));
      stream.on("end", () => {
        mails.push(mail);
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

/** The real command line: a database that is not there, and no Docker. */
async function cli(args: readonly string[], notifications: object = {}, more: object = {}) {
  const config = join(directory, "settings.json");
  const off = { backup: "off", prune: "off", scrub: "off", drill: "off", monitor: "off" };
  await writeFile(
    config,
    JSON.stringify({
      dir: join(directory, "store"),
      stateDir: join(directory, "state"),
      databases: { redis: { host: "127.0.0.1", port: 1 } },
      schedules: off,
      daemon: { port: 1 },
      notifications,
      ...more,
    }),
  );
  const env = { ...process.env, DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}` };
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  execFile(process.execPath, [main, "--config", config, ...args], { cwd: directory, env }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

const lastLine = (stdout: string): object => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as object;
const causes = () =>
  requests.map(({ body }) => (JSON.parse(body) as { notice: { cause: string } }).notice.cause).sort();

test("a failed backup is told by mail, webhook and dead man's switch; the monitor adds what it sees, and repeats nothing", async () => {
  const { port, mails } = await startMailServer();
  const notifications = {
    source: "the-host",
    email: { host: "127.0.0.1", port, tls: "off", from: "backups@example.org", to: ["ops@example.org"] },
    webhooks: { hook: { url: `${url}/${secret}` } },
    healthcheck: { check: `${url}/ping/${secret}` },
  };
  const metricsFile = join(directory, "backups.prom");
  const backup = await cli(["backup"], notifications, { metricsFile });
  expect(backup.code).toBe(1);
  const pings = requests.filter(({ path }) => path.startsWith("/ping/"));
  expect(pings.map(({ path }) => path.split("?")[0])).toEqual([`/ping/${secret}/start`, `/ping/${secret}/fail`]);
  expect(pings[1]?.body).toContain("ECONNREFUSED");
  const left = requests.filter((request) => !pings.includes(request));
  requests.splice(0, requests.length, ...left);
  expect(causes()).toEqual(["backup-failed:redis", "no-good-backup:redis"]);
  expect(mails).toHaveLength(2);
  expect(mails.join()).toMatch(/Subject: \[CRITICAL\] The last backup of redis failed \(the-host\)/);
  expect(mails.join()).toContain("NO good backup");
  expect(await readFile(metricsFile, "utf8")).toContain('database="redis"');

  requests.splice(0);
  const monitor = await cli(["monitor", "--json"], notifications);
  expect(monitor.code).toBe(1);
  expect(causes()).toEqual(["unreachable:redis"]);
  expect(lastLine(monitor.stdout)).toMatchObject({
    type: "monitor",
    status: "critical",
    databases: [{ database: "redis", answers: false, lastGood: null }],
    deliveries: expect.arrayContaining([
      expect.objectContaining({ channel: "hook", cause: "unreachable:redis", outcome: "delivered" }),
    ]),
  });
  const status = await cli(["status", "--json"], notifications);
  expect(lastLine(status.stdout)).toMatchObject({ type: "status", told: expect.any(Array) });
  expect(requests).toHaveLength(1);
  const said = [backup, monitor, status].map(({ stdout, stderr }) => stdout + stderr).join();
  expect(said + mails.join() + JSON.stringify(requests.map(({ body }) => body))).not.toContain(secret);
});

test("status: 0 where all is well, 3 where something is to be looked at, 1 where something is wrong", async () => {
  const store = localStore({ path: join(directory, "store"), compression: "none" });
  await fabricate(store, daily(2, { database: "faiss" }));
  // Files of this host: they answer without Docker.
  const databases = { faiss: { directory } };
  const well = await cli(["status"], {}, { databases });
  expect(well.stdout).toMatch(/^✓ All is well\n {2}i The backups are not encrypted/);
  expect(well.code).toBe(0);
  const late = await cli(["status"], {}, { databases, budgets: { drill: "1h" } });
  expect(late.stdout).toContain("! No backup of faiss was ever restored in a drill");
  expect(late.code).toBe(3);
  const gone = await cli(["status"], {}, { databases: { faiss: { directory: join(directory, "gone") } } });
  expect(gone.stdout).toMatch(/^✗ Something is wrong\n {2}✗ faiss cannot be reached/);
  expect(gone.code).toBe(1);
});

test("notify test: one of each, and by channel what became of it", async () => {
  const none = await cli(["notify", "test"]);
  expect(none).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("no channel is configured") });
  const hook = { url: `${url}/${secret}` };
  const all = await cli(["notify", "test"], { webhooks: { hook }, healthcheck: { check: `${url}/ping/${secret}` } });
  expect(all).toMatchObject({ code: 0, stderr: "" });
  expect(all.stdout.trimEnd().split("\n")).toEqual([
    "✓ hook took a test",
    "✓ hook took its end",
    "✓ healthcheck took a line for its log",
  ]);
  expect(requests).toHaveLength(3);
  const broken = { url: "http://127.0.0.1:2/x" };
  const some = await cli(["notify", "test", "--json"], { webhooks: { hook, broken } });
  expect(some.code).toBe(3);
  expect(lastLine(some.stdout)).toMatchObject({
    type: "notify-test",
    deliveries: expect.arrayContaining([expect.objectContaining({ channel: "broken", outcome: "failed" })]),
  });
  expect(JSON.stringify([all, some])).not.toContain(secret);
});
