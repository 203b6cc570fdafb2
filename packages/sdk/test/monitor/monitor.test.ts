import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, currentProcess, Secret, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  createBackupSystem,
  localStore,
  lookAsJson,
  lookAtScheduler,
  Notifier,
  runHistory,
  webhookChannel,
  type Backend,
  type BackupSystem,
  type Discovered,
  type PlannedTask,
  type SchedulerStanding,
  type Settings,
  type WatchOptions,
} from "../../src/index.ts";
import { daily, fabricate } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";
import { startReceiver, toldIn } from "../receiver.ts";

let directory: string;
let db: FakeDatabase;
let containers: { list: () => Promise<ContainerInfo[]> };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "monitor-"));
  db = new FakeDatabase("db", ["a", "b"]);
  containers = { list: async () => [] };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** `discovery`: nobody has named the databases, and this became of looking for them. */
function systemOf(watch: WatchOptions = {}, discovery?: Discovered): BackupSystem {
  return createBackupSystem({
    databases: discovery?.error === undefined ? [db] : [],
    discovery,
    store: localStore({ path: join(directory, "store") }),
    stateDirectory: join(directory, "state"),
    containers: { removeOrphans: async () => [], list: () => containers.list() } as unknown as ContainerRuntime,
    watch,
  });
}

const causesOf = (look: { readonly problems: readonly { readonly cause: string }[] }) =>
  look.problems.map(({ cause }) => cause).sort();

describe("a look", () => {
  test("where all is well finds nothing but what is to be known", async () => {
    const system = systemOf();
    await system.backup();
    const look = await system.look();
    expect(look.status).toBe("ok");
    expect(causesOf(look)).toEqual(["unencrypted"]);
    expect(look.logHead).toMatch(/^[0-9a-f]{64}$/);
  });

  test("tells of a store that cannot be read, and stops at nothing", async () => {
    const look = await systemOf().look();
    expect(look).toMatchObject({ status: "critical", report: null });
    expect(causesOf(look)).toEqual(["store"]);
  });

  test("a database that does not answer is told by its own name, many of them behind Docker as one", async () => {
    const system = systemOf();
    await system.backup();
    db.at("probe");
    expect(causesOf(await system.look())).toEqual(["unencrypted", "unreachable:db"]);
    const down = () => Promise.reject(new BackupError("connection", "the Docker daemon does not answer"));
    containers.list = down;
    expect(causesOf(await system.look())).toEqual(["unencrypted", "unreachable:db"]);
    db.at("probe", down);
    expect(causesOf(await system.look())).toEqual(["docker", "unencrypted"]);
    db.heal();
    expect(causesOf(await system.look())).toEqual(["unencrypted"]);
  });

  test("a store on the file system of a database's files is told", async () => {
    const system = systemOf();
    await system.backup();
    const mounts = (source: string) => [{ type: "bind", source, destination: "/data", writable: true }];
    const container = { environment: { PASSWORD: "hunter2" }, mounts: mounts(directory) } as unknown as ContainerInfo;
    const probe = db.probe.bind(db);
    db.probe = async (context) => ({ ...(await probe(context)), container });
    const look = await system.look();
    expect(causesOf(look)).toEqual(["store-disk", "unencrypted"]);
    expect(look.status).toBe("warning");
    expect(JSON.stringify(lookAsJson(look))).not.toContain("hunter2");
    const elsewhere = { ...container, mounts: mounts("/proc") } as unknown as ContainerInfo;
    db.probe = async (context) => ({ ...(await probe(context)), container: elsewhere });
    expect(causesOf(await system.look())).toEqual(["unencrypted"]);
  });

  test("a clock that is behind what the store holds is told once", async () => {
    const system = systemOf();
    await system.backup();
    const earlier = new Date(Date.now() - 86_400_000);
    expect(causesOf(await system.look({ now: earlier })).filter((cause) => cause.startsWith("clock"))).toHaveLength(1);
  });

  test("goes by budgets: of all, and of one database", async () => {
    const store = systemOf().store;
    await fabricate(store, [{ database: "db", daysAgo: 0.5 }]);
    const stale = async (watch: WatchOptions) => causesOf(await systemOf(watch).look()).includes("no-good-backup:db");
    const hour = 3_600_000;
    expect(await stale({})).toBe(false);
    expect(await stale({ budgets: { rpo: 2 * hour } })).toBe(true);
    expect(await stale({ budgets: { rpo: 2 * hour }, budgetsOf: { db: { rpo: 24 * hour } } })).toBe(false);
    expect(await stale({ budgetsOf: { other: { rpo: hour } } })).toBe(false);
    // Half a day is too long for who is backed up every hour.
    const schedule = { expression: "0 * * * *", timeZone: "UTC" };
    const backup = { task: "backup", schedule, overdueSince: null, problem: null };
    const scheduler = async () => ({ by: "cron", tasks: [backup], isWanted: true, wanted: ["backup"] }) as const;
    expect(await stale({ scheduler })).toBe(true);
    expect(await stale({ scheduler, budgets: { rpo: 24 * hour } })).toBe(false);
    expect((await systemOf({ scheduler }).report()).databases[0]?.budgets.rpoMs).toBe(1.5 * hour);
  });

  test("thresholds say what size is suspicious", async () => {
    await fabricate(systemOf().store, daily(5, { database: "db" }));
    const sizes = async (watch: WatchOptions) => causesOf(await systemOf(watch).look()).includes("size:db");
    expect(await sizes({})).toBe(false);
    // What is below 64 KiB says nothing, whatever its proportion.
    expect(await sizes({ budgets: { small: 1 } })).toBe(false);
  });
});

describe("the schedule", () => {
  const planned: PlannedTask = {
    name: "backup",
    describe: "back up all databases",
    schedule: { expression: "0 4 * * *", timeZone: "UTC" },
    jitterMs: 0,
  };
  const settings = (daemonPort = 0, schedules = {}) =>
    ({
      stateDir: join(directory, "state"),
      schedules,
      timeZone: "UTC",
      jitter: 0,
      daemon: { host: "127.0.0.1", port: daemonPort, grace: 0 },
    }) as unknown as Settings;
  const backend = (problem?: string): Backend =>
    ({
      name: "cron",
      installed: async () => [{ task: planned, files: [] }],
      timerState: async () => ({ isActive: problem === undefined, ...(problem !== undefined && { problem }) }),
    }) as unknown as Backend;

  test("nothing installed and no daemon: told, unless nothing is to run by itself", async () => {
    const system = systemOf();
    const watch = (schedules = {}) => ({
      scheduler: () => lookAtScheduler({ settings: settings(0, schedules), system, installed: [] }),
    });
    await system.backup();
    expect(causesOf(await systemOf(watch()).look())).toEqual(["schedule", "unencrypted"]);
    const off = { backup: "off", prune: "off", scrub: "off", drill: "off", monitor: "off" };
    expect(causesOf(await systemOf(watch(off)).look())).toEqual(["unencrypted"]);
  });

  test("installed: told where it has not fired, or its timer is not active", async () => {
    const system = systemOf();
    await system.backup();
    const watch = (now: Date, problem?: string): WatchOptions => ({
      scheduler: () => lookAtScheduler({ settings: settings(), system, installed: [backend(problem)], now }),
    });
    await runHistory(settings()).open("backup");
    expect(causesOf(await systemOf(watch(new Date())).look())).toEqual(["unencrypted"]);
    const later = new Date(Date.now() + 4 * 86_400_000);
    const late = await systemOf(watch(later)).look();
    expect(late.problems.find(({ cause }) => cause === "schedule:backup")).toMatchObject({ severity: "critical" });
    const inactive = await systemOf(watch(new Date(), "its timer is not active")).look();
    expect(inactive.problems.find(({ cause }) => cause === "schedule:backup")?.what).toBe("its timer is not active");
  });

  test("what a daemon ran that is no more is late all the same", async () => {
    const system = systemOf();
    await system.backup();
    const watch = (now: Date): WatchOptions => ({
      scheduler: () => lookAtScheduler({ settings: settings(0, { backup: "hourly" }), system, installed: [], now }),
    });
    await runHistory(settings()).open("backup");
    expect(causesOf(await systemOf(watch(new Date())).look())).toEqual(["schedule", "unencrypted"]);
    const later = new Date(Date.now() + 4 * 3_600_000);
    expect(causesOf(await systemOf(watch(later)).look())).toEqual(["schedule", "schedule:backup", "unencrypted"]);
  });

  test("what runs is not late; what runs for too long is told as that", async () => {
    const system = systemOf();
    await fabricate(system.store, [{ database: "db", daysAgo: 1.5 }]);
    const history = runHistory(settings());
    await history.open("backup");
    const problem = async (now: Date) => {
      const scheduler = () => lookAtScheduler({ settings: settings(), system, installed: [backend()], now });
      const { problems } = await systemOf({ scheduler }).look();
      return problems.find(({ cause }) => cause === "schedule:backup");
    };
    const later = new Date(Date.now() + 4 * 86_400_000);
    expect(await problem(later)).toMatchObject({ severity: "critical", title: "The scheduled backup did not run" });
    await using _begun = await history.begin("backup");
    expect(await problem(new Date())).toBeUndefined();
    expect(await problem(later)).toMatchObject({
      severity: "warning",
      title: "The scheduled backup is still running",
      what: expect.stringContaining("It is still running since 20"),
    });
  });

  test("a daemon shows itself in the state directory; one that died is told as that", async () => {
    const system = systemOf();
    await system.backup();
    const scheduler = () => lookAtScheduler({ settings: settings(), system, installed: [] });
    const history = runHistory(settings());
    {
      await using _attended = await history.attend("backup");
      expect(await scheduler()).toMatchObject({ by: "daemon", tasks: [{ task: "backup", overdueSince: null }] });
      expect(causesOf(await systemOf({ scheduler }).look())).toEqual(["unencrypted"]);
    }
    expect((await systemOf({ scheduler }).look()).problems[0]).toMatchObject({
      cause: "schedule",
      severity: "warning",
    });
    const dead = { ...(await currentProcess()), startTime: "1" };
    await writeFile(join(directory, "state", "schedule", "backup.daemon"), JSON.stringify(dead));
    expect((await systemOf({ scheduler }).look()).problems[0]).toMatchObject({
      cause: "schedule",
      severity: "critical",
      title: "The daemon that makes backups has died",
    });
  });

  test("drills without backups are told, unless backups are off", async () => {
    const system = systemOf();
    await system.backup();
    const installed = async () => [{ task: { ...planned, name: "drill" }, files: [] }];
    const watch = (schedules = {}): WatchOptions => ({
      scheduler: () =>
        lookAtScheduler({ settings: settings(0, schedules), system, installed: [{ ...backend(), installed }] }),
    });
    expect(causesOf(await systemOf(watch()).look())).toEqual(["schedule:backup", "unencrypted"]);
    expect(causesOf(await systemOf(watch({ backup: "off" })).look())).toEqual(["unencrypted"]);
  });

  test("files that were changed beyond reading are not taken for none", async () => {
    const system = systemOf();
    await system.backup();
    const changed = {
      ...backend(),
      installed: () => Promise.reject(new BackupError("corrupt", "it has been changed")),
    };
    const scheduler = () => lookAtScheduler({ settings: settings(), system, installed: [changed] });
    const look = await systemOf({ scheduler }).look();
    expect(look.notes).toEqual(["the schedule could not be looked at: it has been changed"]);
    expect(causesOf(look)).toEqual(["unencrypted"]);
  });

  test("a daemon that answers counts as one; what it says is late is told", async () => {
    const tasks = [
      { task: "backup", schedule: "0 4 * * *", timeZone: "UTC", overdueSince: "2026-11-23T04:00:00.000Z" },
      { task: "drill", schedule: "30 6 * * 0", timeZone: "UTC" },
    ];
    const server = createServer((_, response) => void response.end(JSON.stringify({ status: "overdue", tasks })));
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const system = systemOf();
    await system.backup();
    const scheduler = () => lookAtScheduler({ settings: settings(port), system, installed: [] });
    expect(await scheduler()).toMatchObject({ by: "daemon", tasks: [{ task: "backup" }, { task: "drill" }] });
    expect(causesOf(await systemOf({ scheduler }).look())).toEqual(["schedule:backup", "unencrypted"]);
  });
});

describe("nothing is over that was not looked at, and found good", () => {
  const down = new BackupError("connection", "the Docker daemon does not answer");

  /** One that tells a receiver of its own, and what that was told since it was last asked. */
  async function told() {
    const hook = await startReceiver();
    const notifier = new Notifier({
      channels: [webhookChannel({ url: new Secret(hook.url) })],
      stateDir: join(directory, "state", "notifications"),
      retries: { attempts: 1 },
    });
    return { notifier, news: () => toldIn(hook.requests.splice(0)).sort() };
  }

  const found = { error: undefined, retired: [] };

  test("databases that were to be found, while Docker does not answer", async () => {
    const { notifier, news } = await told();
    await systemOf({ notifier }, found).store.prepare();
    db.at("probe");
    await systemOf({ notifier }, found).monitor();
    expect(news()).toEqual(["first no-good-backup:db", "first unreachable:db"]);
    containers.list = () => Promise.reject(down);
    const blind = systemOf({ notifier }, { error: down, retired: [] });
    const look = await blind.monitor();
    expect(news()).toEqual(["first docker"]);
    expect(look).toMatchObject({ isWhole: false, notes: [expect.stringContaining("does not answer")] });
    await expect(blind.backup()).rejects.toMatchObject({ reason: "connection" });
    expect(news().filter((each) => each.startsWith("resolved"))).toEqual([]);

    containers.list = async () => [];
    db.heal();
    const seeing = systemOf({ notifier }, found);
    await seeing.backup();
    await seeing.monitor();
    expect(news()).toEqual(
      expect.arrayContaining(["resolved docker", "resolved no-good-backup:db", "resolved unreachable:db"]),
    );
    expect(await seeing.told()).toEqual([]);
  });

  test("a schedule that nothing follows any more", async () => {
    const { notifier, news } = await told();
    const schedule = { expression: "0 4 * * *", timeZone: "UTC" };
    const late = { task: "backup", schedule, overdueSince: "2026-11-23T04:00:00.000Z", problem: null };
    const wanted = { wanted: ["backup"], isWanted: true };
    const standing = { by: "daemon", tasks: [late], ...wanted } as SchedulerStanding;
    const monitor = (scheduler: SchedulerStanding) =>
      systemOf({ notifier, scheduler: async () => scheduler }).monitor();
    await systemOf().backup();
    await monitor(standing);
    expect(news()).toEqual(["first schedule:backup"]);
    await monitor({ ...standing, by: null, tasks: [] });
    expect(news()).toEqual(["first schedule"]);
    const drill = { ...late, task: "drill", overdueSince: null };
    await monitor({ ...standing, by: "cron", tasks: [drill] });
    expect(news()).toEqual(["resolved schedule"]);
    await monitor({ ...standing, by: "cron", tasks: [{ ...late, overdueSince: null }] });
    expect(news()).toEqual(["resolved schedule:backup"]);
    await monitor(standing);
    // Nobody expects it any more.
    await monitor({ by: null, tasks: [], wanted: [], isWanted: false });
    expect(news()).toEqual(["first schedule:backup", "resolved schedule:backup"]);
  });

  test("a disk that holds the files of a database that does not answer", async () => {
    const { notifier, news } = await told();
    const mounts = [{ type: "bind", source: directory, destination: "/data", writable: true }];
    const system = systemOf({ notifier });
    await system.backup();
    const probe = db.probe.bind(db);
    db.probe = async (context) => ({ ...(await probe(context)), container: { mounts } as unknown as ContainerInfo });
    await system.monitor();
    expect(news()).toEqual(["first store-disk"]);
    db.at("probe");
    await system.monitor();
    expect(news()).toEqual(["first unreachable:db"]);
  });
});

describe("monitor", () => {
  test("tells once, tells the end, and takes nothing for over that nobody looked at", async () => {
    const hook = await startReceiver();
    const notifier = new Notifier({
      channels: [webhookChannel({ url: new Secret(hook.url) })],
      stateDir: join(directory, "state", "notifications"),
      retries: { attempts: 1 },
    });
    const system = systemOf({ notifier });
    await system.backup();
    db.at("probe");
    await system.monitor();
    await system.monitor();
    const told = () => toldIn(hook.requests);
    expect(told()).toEqual(["first unreachable:db"]);
    // A run does not ask whether databases answer: the verification of what is in the store says nothing of it.
    await system.verify();
    expect(told()).toHaveLength(1);
    // Neither does one that Docker keeps from answering answer.
    const down = () => Promise.reject(new BackupError("connection", "the Docker daemon does not answer"));
    containers.list = down;
    db.at("probe", down);
    await system.monitor();
    expect(told().slice(1)).toEqual(["first docker"]);
    containers.list = async () => [];
    db.heal();
    await system.monitor();
    expect(told().slice(2).sort()).toEqual(["resolved docker", "resolved unreachable:db"]);
    expect(await system.told()).toEqual([]);
  });

  test("looking alone tells nobody", async () => {
    const hook = await startReceiver();
    const notifier = new Notifier({
      channels: [webhookChannel({ url: new Secret(hook.url) })],
      stateDir: join(directory, "state", "notifications"),
    });
    expect((await systemOf({ notifier }).look()).status).toBe("critical");
    expect(hook.requests).toEqual([]);
  });
});
