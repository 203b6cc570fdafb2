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
import { startReceiver, toldIn } from "./receiver.ts";

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

async function spoil(system: BackupSystem, database: string, day: string): Promise<void> {
  const spoilt = (await system.list(database)).find(({ manifest }) => manifest?.startedAt.slice(8, 10) === day);
  const store = join(directory, "store");
  const names = await readdir(store, { recursive: true });
  const path = join(store, names.find((name) => name.includes(`${spoilt?.id}/`) && name.includes("lines.txt")) ?? "");
  const content = await readFile(path);
  content.writeUInt8(content.readUInt8(0) ^ 1, 0);
  await rm(path);
  await writeFile(path, content);
}

/** What one backup of the large database takes; the other one takes next to nothing. */
const large = 100_000;

/**
 * So many backups of the large database would fit on the disk, by day: others fill it, too. The store grows by one of them a day, so this is also
 * how many days are left. 21 of them are a warning, 5 are critical.
 */
const room: Readonly<Record<number, number>> = {
  21: 60,
  22: 45,
  23: 30,
  24: 18,
  25: 14,
  26: 10,
  27: 7,
  28: 4.5,
  29: 4,
  30: 3.5,
};
const dayWith = (most: number) => Object.entries(room).find(([, days]) => days <= most)?.[0];

// Real code and real files; only the date is not today's. Two failures, a run that did not happen, a file that went bad, a disk that fills up.
test("thirty days: everybody is told exactly what they should know, once; the right backups stay; the report is right", async () => {
  const databases = [new FakeDatabase("one", ["a"]), new FakeDatabase("two", ["b".repeat(large - 1)])] as const;
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
  let freeSpace = 0;
  const store = localStore({ path: join(directory, "store"), compression: "none" });
  store.freeSpace = async () => freeSpace;
  const system = createBackupSystem({
    databases,
    store,
    stateDirectory: settings.stateDir,
    retention: { databases: { one: { days: 3, keepWeekly: 3 } } },
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
    told.push(...toldIn(hook.requests.slice(before)).map((each) => `${day} ${time} ${each}`));
  };
  const run = (name: TaskName) => runScheduled(system, name, { history, signal });

  const madeBy = (database: string) => async () =>
    (await system.list(database)).map(({ manifest }) => manifest?.startedAt.slice(8, 10));
  const stored = async () =>
    (await system.list())
      .flatMap(({ manifest }) => manifest?.artifacts ?? [])
      .reduce((sum, { stored: { bytes } }) => sum + bytes, 0);
  /** What is stored at the end of each day. */
  const held: number[] = [];

  for (let day = 1; day <= 30; day += 1) {
    const [one, two] = databases;
    if (day === 6) one.at("backup");
    if (day === 10) two.at("backup");
    if (day === 18) await spoil(system, "two", "05");
    freeSpace = (room[day] ?? 1e6) * large;
    if (day !== 14) await at(day, "04:00", () => run("backup"));
    one.heal();
    two.heal();
    await at(day, "05:20", () => run("prune"));
    if (day === 18) await at(day, "05:40", () => system.verify());
    await at(day, "07:10", () => run("monitor"));
    await at(day, "19:10", () => run("monitor"));
    held.push(await stored());
  }

  expect(told).toEqual([
    "6 04:00 first backup-failed:one",
    // 25 hours after the one of the day before.
    "6 05:20 first no-good-backup:one",
    "7 04:00 resolved backup-failed:one",
    "7 04:00 resolved no-good-backup:one",
    "10 04:00 first backup-failed:two",
    "10 05:20 first no-good-backup:two",
    "11 04:00 resolved backup-failed:two",
    "11 04:00 resolved no-good-backup:two",
    "14 05:20 first no-good-backup:one",
    "14 05:20 first no-good-backup:two",
    "14 19:10 first schedule:backup",
    "15 04:00 resolved no-good-backup:one",
    "15 04:00 resolved no-good-backup:two",
    "15 04:00 resolved schedule:backup",
    "18 05:40 first damaged:two",
    `${dayWith(21)} 04:00 first store-full`,
    // It is damaged still.
    "25 04:00 reminder damaged:two",
    `${dayWith(5)} 04:00 escalation store-full`,
  ]);

  // Of three days, and the newest of each of three ISO weeks: Monday is the 30th, and the 22nd and the 29th are Sundays.
  expect(await madeBy("one")()).toEqual(["22", "27", "28", "29", "30"]);
  const all = Array.from({ length: 30 }, (_, index) => String(index + 1).padStart(2, "0"));
  expect(await madeBy("two")()).toEqual(all.filter((day) => day !== "10" && day !== "14"));

  const report = await system.report();
  expect(report.databases.map(({ backups }) => backups.length)).toEqual([5, 28]);
  expect(report.problems.map(({ cause }) => cause).sort()).toEqual(["damaged:two", "store-full"]);
  expect(report.coverage).toMatchObject({ backups: 33, structure: 32, damaged: 1 });
  // From four o'clock to ten past seven in the evening.
  const age = (15 * 60 + 10) * 60_000;
  expect([report.rpo.ms, ...report.databases.map(({ rpoMs }) => rpoMs)]).toEqual([age, age, age]);
  expect(report.store.history.map(({ storedBytes }) => storedBytes)).toEqual(held);
  expect(report.store).toMatchObject({ storedBytes: held.at(-1), freeBytes: 3.5 * large });
  const { forecast } = report.store;
  if (!forecast.known) throw new Error(forecast.reason);
  expect(forecast.bytesPerDay / large).toBeCloseTo(1, 1);
  expect(forecast.days).toBeCloseTo((3.5 * large) / forecast.bytesPerDay, 5);
  expect(Date.parse(forecast.fullAt ?? "")).toBeCloseTo(Date.now() + (forecast.days ?? 0) * 86_400_000, -3);
  const runs = (command: string) => report.runs.filter((one) => one.command === command);
  expect(
    Object.entries(Object.groupBy(runs("backup"), ({ status }) => status)).map(([status, of]) => [status, of?.length]),
  ).toEqual([
    ["ok", 27],
    ["partial", 2],
  ]);
  // Each of the 28 of "one" but five went, with what it took.
  expect(runs("prune").reduce((sum, { freedBytes }) => sum + (freedBytes ?? 0), 0)).toBe(23 * 2);
});
