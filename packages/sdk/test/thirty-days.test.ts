import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  createBackupSystem,
  localStore,
  lookAtScheduler,
  Notifier,
  runHistory,
  runScheduled,
  webhookChannel,
  type Backend,
  type BackupSystem,
  type PlannedTask,
  type Settings,
  type TaskName,
} from "../src/index.ts";
import { FakeDatabase } from "./fake-database.ts";
import { startReceiver } from "./receiver.ts";

vi.setConfig({ testTimeout: 90_000 });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "thirty-days-"));
  // Only what time it is: everything else takes the time that it takes.
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const daily: PlannedTask = {
  name: "backup",
  describe: "back up all databases",
  schedule: { expression: "0 4 * * *", timeZone: "UTC" },
  jitterMs: 0,
};

async function spoilOldest(system: BackupSystem, database: string): Promise<void> {
  const [oldest] = await system.list(database);
  const store = join(directory, "store");
  const names = await readdir(store, { recursive: true });
  const path = join(store, names.find((name) => name.includes(`${oldest?.id}/`) && name.includes("lines.txt")) ?? "");
  const content = await readFile(path);
  content.writeUInt8(content.readUInt8(0) ^ 1, 0);
  await rm(path);
  await writeFile(path, content);
}

// Real code and real files; only the date is not today's. Two failures, a run that did not happen, a file that went bad, a disk that fills up.
test("thirty days: everybody is told exactly what they should know, once", async () => {
  const databases = [new FakeDatabase("one", ["a"]), new FakeDatabase("two", ["b"])] as const;
  const hook = await startReceiver();
  const settings = {
    stateDir: join(directory, "state"),
    schedules: {},
    timeZone: "UTC",
    jitter: 0,
    daemon: { host: "127.0.0.1", port: 0, grace: 0 },
  } as unknown as Settings;
  const cron = {
    name: "cron",
    installed: async () => [{ task: daily, files: [] }],
    timerState: async () => ({ isActive: true }),
  } as unknown as Backend;
  let freeSpace = 2 ** 40;
  const store = localStore({ path: join(directory, "store"), compression: "none" });
  store.freeSpace = async () => freeSpace;
  const system = createBackupSystem({
    databases,
    store,
    stateDirectory: settings.stateDir,
    containers: { list: async () => [], removeOrphans: async () => [] } as unknown as ContainerRuntime,
    watch: {
      notifier: new Notifier({
        channels: [webhookChannel({ url: new Secret(hook.url) })],
        stateDir: join(settings.stateDir, "notifications"),
        reminderMs: 7 * 86_400_000,
      }),
      scheduler: () => lookAtScheduler({ settings, system, installed: [cron] }),
    },
  });
  const history = runHistory(settings);
  const told: string[] = [];
  const at = async (day: number, time: string, work: () => Promise<unknown>): Promise<void> => {
    vi.setSystemTime(new Date(`2026-11-${String(day).padStart(2, "0")}T${time}:00Z`));
    const before = hook.requests.length;
    await work();
    for (const { body } of hook.requests.slice(before)) {
      const { occasion, notice } = JSON.parse(body) as { occasion: string; notice: { cause: string } };
      told.push(`${day} ${time} ${occasion} ${notice.cause}`);
    }
  };
  const run = (name: TaskName) => runScheduled(system, name, { history, signal });

  for (let day = 1; day <= 30; day += 1) {
    const [one, two] = databases;
    if (day === 6) one.at("backup");
    if (day === 10) two.at("backup");
    if (day === 18) await spoilOldest(system, "one");
    if (day === 25) freeSpace = 4;
    if (day !== 14) await at(day, "04:00", () => run("backup"));
    one.heal();
    two.heal();
    if (day === 18) await at(day, "05:40", () => system.verify());
    await at(day, "07:10", () => run("monitor"));
    await at(day, "19:10", () => run("monitor"));
  }

  expect(told).toEqual([
    "6 04:00 first backup-failed:one",
    // 25 hours after the one of the day before.
    "6 07:10 first no-good-backup:one",
    "7 04:00 resolved backup-failed:one",
    "7 04:00 resolved no-good-backup:one",
    "10 04:00 first backup-failed:two",
    "10 07:10 first no-good-backup:two",
    "11 04:00 resolved backup-failed:two",
    "11 04:00 resolved no-good-backup:two",
    "14 07:10 first no-good-backup:one",
    "14 07:10 first no-good-backup:two",
    "14 19:10 first schedule:backup",
    "15 04:00 resolved no-good-backup:one",
    "15 04:00 resolved no-good-backup:two",
    "15 04:00 resolved schedule:backup",
    "18 05:40 first damaged:one",
    "25 04:00 first store-full",
    // It is damaged still.
    "25 04:00 reminder damaged:one",
  ]);
  const report = await system.report();
  expect(report.databases.map(({ backups }) => backups.length)).toEqual([28, 28]);
  expect(report.problems.map(({ cause }) => cause).sort()).toEqual(["damaged:one", "store-full"]);
  expect(report.coverage).toMatchObject({ backups: 56, structure: 55, damaged: 1 });
});
