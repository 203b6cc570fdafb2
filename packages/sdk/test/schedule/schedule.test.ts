import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntime, Store } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createBackupSystem,
  localStore,
  openBackend,
  plannedTasks,
  runHistory,
  runScheduled,
  schedulePlan,
  scheduleStatus,
  type BackupSystem,
  type Coverage,
  type TaskName,
} from "../../src/index.ts";
import { daily, fabricate, never } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;
const settings = { schedules: {}, timeZone: "Europe/Berlin", jitter: 300_000 };

let directory: string;
let store: Store;
let db: FakeDatabase;
let system: BackupSystem;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "schedule-"));
  store = localStore({ path: join(directory, "store"), compression: "none" });
  db = new FakeDatabase("db", ["one"]);
  system = createBackupSystem({
    databases: [db],
    store,
    containers: noDocker,
    stateDirectory: join(directory, "state"),
  });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const history = (now?: () => Date) => runHistory({ stateDir: join(directory, "state") }, now);

describe("what runs when", () => {
  const times = (...args: Parameters<typeof plannedTasks>) =>
    Object.fromEntries(plannedTasks(...args).map(({ name, schedule }) => [name, schedule.expression]));

  test("usual times, none of which the clocks leave out, and no two at once", () => {
    expect(times(settings)).toEqual({
      backup: "0 * * * *",
      prune: "20 5 * * *",
      scrub: "40 5 * * *",
      drill: "30 6 * * 0",
      monitor: "10 * * * *",
    });
  });

  test("what is asked for wins over what is configured, that over what is usual", () => {
    const configured = { ...settings, schedules: { backup: "daily", drill: "0 12 1 * *", scrub: "off" } };
    expect(times(configured)).toEqual({
      backup: "0 4 * * *",
      prune: "20 5 * * *",
      drill: "0 12 1 * *",
      monitor: "10 * * * *",
    });
    expect(times(configured, { schedule: "weekly" })).toMatchObject({ backup: "0 4 * * 0", drill: "0 12 1 * *" });
    expect(times(configured, { schedule: "weekly", tasks: ["drill", "prune"] })).toEqual({
      drill: "30 6 * * 0",
      prune: "20 5 * * 0",
    });
    expect(() => times(configured, { tasks: ["scrub"] })).toThrow("is off");
    expect(times(configured, { tasks: ["scrub"], schedule: "daily" })).toEqual({ scrub: "40 5 * * *" });
    expect(() => times(settings, { schedule: "dayly" })).toThrow("is no schedule");
  });

  test("a delay is never longer than half of the time between two runs", () => {
    const [backup] = plannedTasks({ ...settings, schedules: { backup: "*/5 * * * *" } });
    expect(backup?.jitterMs).toBe(150_000);
  });

  test("directories that depend on where one stands are refused", () => {
    const commands = { command: () => [], wakeCommand: () => [] };
    expect(() => schedulePlan({ dir: "backups", stateDir: "/s" }, [], commands)).toThrow("dir is backups");
  });
});

describe("a scheduled run", () => {
  const run = (name: TaskName, options: Partial<Parameters<typeof runScheduled>[2]> = {}) =>
    runScheduled(system, name, { history: history(), signal: never, ...options });

  test("is remembered with how it ended", async () => {
    expect(await run("backup")).toMatchObject({ outcome: "ran", result: { status: "ok", type: "backup-report" } });
    expect(await history().read("backup")).toMatchObject({ runs: 1, last: { status: "ok" } });
    db.at("backup");
    expect(await run("backup")).toMatchObject({ outcome: "ran", result: { status: "failed" } });
    expect(await history().read("backup")).toMatchObject({
      runs: 2,
      last: { status: "failed", problem: expect.stringContaining("db: ") },
    });
    await rm(store.location, { recursive: true });
    await expect(run("scrub")).rejects.toMatchObject({ reason: "refused" });
    expect((await history().read("scrub"))?.last).toMatchObject({
      status: "failed",
      problem: expect.stringContaining("is empty, and held"),
    });
  });

  test("scrubs another share each time: seven read every backup once", async () => {
    const made = await fabricate(store, daily(20));
    const shares: Coverage[] = [];
    for (let count = 0; count < 8; count += 1) {
      const ran = await run("scrub");
      if (ran.outcome === "ran") shares.push((ran.result.value as { coverage: Coverage }).coverage);
    }
    expect(shares.map(({ share }) => share.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 1]);
    expect(shares.slice(0, 7).reduce((sum, { backups }) => sum + backups, 0)).toBe(made.length);
  });

  test("does not begin while another process runs the same", async () => {
    await using _other = await history().begin("prune");
    expect(await run("prune")).toMatchObject({ outcome: "busy" });
  });

  describe("asked whether it is due", () => {
    const at = (time: string) => () => new Date(time);
    const ifDue = { schedule: { expression: "0 4 * * *", timeZone: "UTC" }, jitterMs: 0 };
    const wake = (name: TaskName, time: string) => run(name, { ifDue, now: at(time), history: history(at(time)) });

    test("runs once a day, at the first wake-up from its time on, and makes up for what was missed", async () => {
      await fabricate(store, daily(2));
      const outcomes: string[] = [];
      for (const time of [
        "2026-11-23T03:00Z",
        "2026-11-23T04:00Z",
        "2026-11-23T05:00Z",
        "2026-11-26T11:00Z",
        "2026-11-26T12:00Z",
        "2026-11-27T04:00Z",
      ]) {
        outcomes.push((await wake("prune", time)).outcome);
      }
      expect(outcomes).toEqual(["not-due", "ran", "not-due", "ran", "not-due", "ran"]);
    });

    test("a first backup does not wait; one by hand counts as well", async () => {
      expect((await wake("backup", "2026-11-23T03:00Z")).outcome).toBe("ran");
      expect((await wake("backup", "2026-11-23T03:30Z")).outcome).toBe("not-due");
      await rm(join(directory, "state/schedule"), { recursive: true });
      await system.backup();
      expect((await wake("backup", new Date().toISOString())).outcome).toBe("not-due");
    });
  });
});

describe("status", () => {
  const planned = plannedTasks(settings, { tasks: ["backup", "drill"] });
  const commands = { command: () => ["/bin/true"], wakeCommand: () => ["/bin/true"] };
  const plan = () => schedulePlan({ dir: store.location, stateDir: join(directory, "state") }, planned, commands);
  const backend = () => openBackend({ scope: "system", root: directory, home: "/root" }, "systemd");
  const look = async (more: object = {}) =>
    scheduleStatus(await backend(), plan(), { system, history: history(), configured: settings, ...more });

  test("tells what is not installed, what was changed, and what does not run", async () => {
    expect((await look()).map(({ installed, problems }) => [installed, problems.length])).toEqual([
      [false, 1],
      [false, 1],
    ]);
    await (await backend()).install(plan());
    expect((await look()).map(({ problems }) => problems)).toEqual([[], []]);

    await runScheduled(system, "backup", { history: history(), signal: never });
    expect((await look())[0]).toMatchObject({ problems: [], last: { status: "ok" } });
    const inTwoHours = new Date(Date.now() + 2 * 3_600_000);
    const [late] = await look({ now: inTwoHours });
    expect(late?.problems).toEqual([expect.stringContaining("it has not run well when it should have by")]);

    db.at("backup");
    await runScheduled(system, "backup", { history: history(), signal: never });
    expect((await look())[0]?.problems).toEqual([expect.stringContaining("its last run was failed: db: ")]);

    const configured = { ...settings, schedules: { drill: "daily", backup: "hourly" } };
    expect((await look({ configured }))[1]?.problems).toEqual([expect.stringContaining('configured is "30 6 * * *"')]);
  });

  test("what a daemon runs is not to be installed; what it runs besides is told", async () => {
    const state = history();
    {
      await using _attended = await state.attend("backup");
      const [backup, drill] = await look();
      expect(backup).toMatchObject({ installed: false, daemon: expect.stringContaining("process"), problems: [] });
      expect(drill?.problems).toEqual([expect.stringContaining("schedule install")]);
      await (await backend()).install(plan());
      expect((await look()).map(({ problems }) => problems)).toEqual([
        [expect.stringContaining("runs it as well")],
        [],
      ]);
    }
    expect((await look()).map(({ problems }) => problems)).toEqual([[], []]);
  });

  test("what runs just now is not late", async () => {
    await (await backend()).install(plan());
    await system.backup();
    const inTwoHours = new Date(Date.now() + 2 * 3_600_000);
    expect((await look({ now: inTwoHours }))[0]?.problems).toHaveLength(1);
    await using _begun = await history().begin("backup");
    expect((await look({ now: inTwoHours }))[0]).toMatchObject({ problems: [], running: expect.any(String) });
  });

  test("believes the run reports in the store where nothing is remembered", async () => {
    await (await backend()).install(plan());
    await system.backup();
    const inTwoHours = new Date(Date.now() + 2 * 3_600_000);
    const [backup, drill] = await look({ now: inTwoHours });
    expect(backup?.lastSuccess).toBeDefined();
    expect(backup?.problems).toEqual([expect.stringContaining("it has not run well")]);
    expect(drill?.problems).toEqual([]);
  });
});
