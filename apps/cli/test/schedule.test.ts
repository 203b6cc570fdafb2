import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

// Each test starts the program several times.
vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let directory: string;
let config: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-schedule-"));
  config = join(directory, "settings.json");
  await configure();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A database that is not there, and no Docker. */
async function configure(more: object = {}): Promise<void> {
  await writeFile(
    config,
    JSON.stringify({
      dir: join(directory, "store"),
      stateDir: join(directory, "state"),
      databases: { redis: { host: "127.0.0.1", port: 1 } },
      ...more,
    }),
  );
}

const environment = () => ({ ...process.env, DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}` });

function cli(args: readonly string[], more: Record<string, string> = {}) {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  const all = [main, "--config", config, ...args];
  execFile(process.execPath, all, { cwd: directory, env: { ...environment(), ...more } }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

const below = () => ["--root", join(directory, "root")];
const written = async () =>
  (await readdir(join(directory, "root"), { recursive: true }).catch(() => [])).filter((name) =>
    /\.|drill$/.test(name),
  );

describe("schedule", () => {
  test("printed, installed, looked at, removed", async () => {
    const printed = await cli(["schedule", "install", "daily", "--as", "systemd", "--print", ...below()]);
    expect(printed).toMatchObject({ code: 0, stdout: expect.stringContaining("OnCalendar=*-*-* 04:00:00") });
    expect(await written()).toEqual([]);

    const wanted = ["schedule", "install", "daily", "--as", "systemd", "--time-zone", "Europe/Berlin", ...below()];
    expect((await cli(wanted)).code).toBe(0);
    expect((await cli(wanted)).stdout).toContain("nothing to change");
    const service = await readFile(join(directory, "root/etc/systemd/system/sutazai-backup-backup.service"), "utf8");
    expect(service).toContain(`ExecStart=${process.execPath} `);
    expect(service).toContain(` ${main} --config ${config} schedule run backup\n`);

    const status = await cli(["schedule", "status", ...below(), "--json"]);
    expect(status.code).toBe(0);
    const { tasks } = JSON.parse(status.stdout.trimEnd().split("\n").at(-1) ?? "") as { tasks: { task: string }[] };
    expect(tasks.map(({ task }) => task)).toEqual(["backup", "prune", "scrub", "drill", "monitor"]);

    await configure({ schedules: { scrub: "off" } });
    const off = await cli(["schedule", "status", ...below()]);
    expect(off).toMatchObject({ code: 1, stdout: expect.stringContaining("configured is off") });

    expect((await cli(["schedule", "remove", ...below()])).code).toBe(0);
    expect((await written()).filter((name) => name.includes("sutazai"))).toEqual([]);
  });

  test("another backend takes the place of the first", async () => {
    const as = (backend: string) => cli(["schedule", "install", "--task", "drill", "--as", backend, ...below()]);
    await as("systemd");
    expect((await as("cron")).stderr).toContain("installed as systemd is removed");
    expect((await written()).filter((name) => name.includes("sutazai"))).toEqual(["etc/cron.d/sutazai-backup-drill"]);
  });

  test("what is set in this shell alone is told, not written", async () => {
    const secret = { BACKUP_REDIS_PASSWORD: "hunter2" };
    const { stdout, stderr } = await cli(["schedule", "install", "--as", "cron", "--print"], secret);
    expect(stderr).toContain("BACKUP_REDIS_PASSWORD is set here and will not be set for scheduled runs");
    expect(stdout + stderr).not.toContain("hunter2");
  });

  test.each([
    [["schedule", "install", "dayly", "--print"], "is no schedule"],
    [["schedule", "install", "daily", "--time-zone", "Mars", "--print"], "time zone"],
    [["schedule", "run", "everything"], "known: backup, prune, scrub, drill, monitor"],
    [["schedule", "install", "0 * * * 1-5", "--time-zone", "Europe/Berlin", "--as", "systemd", "--print"], "--as cron"],
  ])("%j is refused", async (args, why) => {
    const { code, stderr } = await cli(args);
    expect(stderr).toContain(why);
    expect([1, 2]).toContain(code);
  });

  test("a run tells by its exit code how it ended, and is silent where it is not due", async () => {
    expect(await cli(["schedule", "run", "backup"])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("failed"),
    });
    const notDue = ["schedule", "run", "backup", "--if-due", "0 4 1 1 *", "--jitter", "0"];
    expect(await cli(notDue)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("daemon", () => {
  let child: ChildProcess;
  let said: string;
  const sockets = new Set<Socket>();

  /** Reads what it says until it has said something. */
  async function until(words: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = words.exec(said);
      if (found !== null) return found;
      if (child.exitCode !== null) throw new Error(`ended: ${said}`);
      await once(child.stdout ?? child, "data");
    }
  }

  function start(...args: readonly string[]): void {
    said = "";
    child = spawn(process.execPath, [main, "--config", config, "daemon", "--port", "0", "--json", ...args], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (said += text));
  }

  test("SIGTERM while a backup runs cancels it, remembers that, and ends well", async () => {
    const silent = createServer((socket) => sockets.add(socket));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    await configure({ databases: { redis: { host: "127.0.0.1", port: (silent.address() as AddressInfo).port } } });
    start();
    try {
      const [, port] = await until(/"type":"daemon".*"port":(\d+)/);
      // It has asked the server, which never answers.
      await until(/"type":"database-start"/);
      const health = (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as {
        tasks: { task: string; isRunning: boolean }[];
      };
      expect(health.tasks.map(({ task, isRunning }) => [task, isRunning])).toEqual([
        ["backup", true],
        ["prune", false],
        ["scrub", false],
        ["drill", false],
        ["monitor", false],
      ]);
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number];
      expect(code).toBe(0);
    } finally {
      child.kill("SIGKILL");
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
    const history = JSON.parse(await readFile(join(directory, "state/schedule/backup.json"), "utf8")) as object;
    expect(history).toMatchObject({ runs: 1, last: { status: "cancelled" } });
    expect(await readdir(join(directory, "state/schedule"))).not.toContain("backup.running");
  });

  test("each run ends its log, and removes what is too old", async () => {
    await configure({ logFiles: 1, logDays: 1 });
    const logs = join(directory, "store/logs");
    await mkdir(logs, { recursive: true, mode: 0o700 });
    await chmod(join(directory, "store"), 0o700);
    await writeFile(join(logs, "backup_20200101T000000.000Z-aaaaaa.log"), "");
    start("--task", "backup");
    await until(/"type":"task-end"/);
    child.kill("SIGTERM");
    await once(child, "exit");
    const [name = "", ...others] = await readdir(logs);
    expect([name, others]).toEqual([expect.not.stringContaining("2020"), []]);
    const last = (await readFile(join(logs, name), "utf8")).trimEnd().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({ msg: "end", status: "failed" });
  });

  test("SIGTERM while nothing runs ends it; until then it is known what runs the task", async () => {
    start("--task", "prune");
    await until(/"type":"scheduled"/);
    const status = await cli(["schedule", "status", "--task", "prune", ...below()]);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("by daemon") });
  });
});
