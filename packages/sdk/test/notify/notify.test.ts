import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, Secret, type BackupEvent, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createBackupSystem,
  healthcheckChannel,
  localStore,
  Notifier,
  webhookChannel,
  type BackupSystem,
  type BackupSystemOptions,
  type WatchOptions,
} from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";
import { startReceiver, toldIn, type Received } from "../receiver.ts";

let directory: string;
let events: BackupEvent[];
let one: FakeDatabase;
let two: FakeDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "notify-"));
  events = [];
  one = new FakeDatabase("one", ["a", "b"]);
  two = new FakeDatabase("two", ["c"]);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function systemOf(watch: WatchOptions, options: Partial<BackupSystemOptions> = {}): BackupSystem {
  const containers = { list: async () => [], removeOrphans: async () => [] } as unknown as ContainerRuntime;
  return createBackupSystem({
    databases: [one, two],
    store: localStore({ path: join(directory, "store") }),
    stateDirectory: join(directory, "state"),
    containers,
    watch,
    onEvent: (event) => events.push(event),
    ...options,
  });
}

async function watchedBy(...parts: readonly ("hook" | "check")[]) {
  const hook = await startReceiver();
  const check = await startReceiver();
  const notifier = new Notifier({
    channels: [
      ...(parts.includes("hook") ? [webhookChannel({ url: new Secret(`${hook.url}/hook`) })] : []),
      ...(parts.includes("check") ? [healthcheckChannel({ check: new Secret(`${check.url}/ping`) })] : []),
    ],
    stateDir: join(directory, "state", "notifications"),
    source: "here",
    retries: { attempts: 1 },
  });
  return { hook, check, system: systemOf({ notifier }) };
}

const pathOf = ({ path }: Received) => path.split("?")[0];
const warnings = () => events.flatMap((event) => (event.type === "warning" ? event.message : []));

describe("the dead man's switch", () => {
  test("hears of a whole backup from its beginning to its end, with what it came to", async () => {
    const { check, system } = await watchedBy("check");
    const { runId } = await system.backup();
    expect(check.requests.map(pathOf)).toEqual(["/ping/start", "/ping"]);
    expect(check.requests[1]?.body).toContain(runId);
    two.at("backup");
    await system.backup();
    expect(check.requests.slice(2).map(pathOf)).toEqual(["/ping/start", "/ping/fail"]);
    expect(check.requests[3]?.body).toContain("broke at backup");
  });

  test("is not told that all is well by anything less", async () => {
    const { check, system } = await watchedBy("check");
    await system.backup({ databases: ["one"] });
    await system.restore({ databases: ["one"] });
    await system.prune();
    await system.prune({ dryRun: true });
    expect(check.requests.map(pathOf)).toEqual(["/ping/log", "/ping/log", "/ping/log"]);
  });

  test("hears of a backup that could not be begun", async () => {
    const { check, hook, system } = await watchedBy("check", "hook");
    await system.backup();
    system.store.prepare = () => Promise.reject(new BackupError("no-space", "the disk is full", { hint: "make room" }));
    await expect(system.backup()).rejects.toMatchObject({ reason: "no-space" });
    expect(check.requests.map(pathOf).slice(-2)).toEqual(["/ping/start", "/ping/fail"]);
    expect(toldIn(hook.requests)).toEqual(["first run-failed:backup"]);
    await system.monitor();
    expect(hook.requests).toHaveLength(1);
  });
});

describe("notices", () => {
  test("a failure is told once, with what is still safe, and its end once", async () => {
    const { hook, system } = await watchedBy("hook");
    const good = await system.backup();
    expect(hook.requests).toEqual([]);
    two.at("backup");
    await system.backup();
    await system.backup();
    expect(toldIn(hook.requests)).toEqual(["first backup-failed:two"]);
    const { notice, text } = JSON.parse(hook.requests[0]?.body ?? "") as { notice: object; text: string };
    const safe = good.databases.find(({ database }) => database === "two")?.backup?.id;
    expect(notice).toMatchObject({
      severity: "critical",
      databases: ["two"],
      safe: [{ database: "two", backup: { id: safe, proven: { level: "structure" } } }],
      logHead: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(text).toContain("broke at backup");
    two.heal();
    await system.backup();
    await system.backup();
    expect(toldIn(hook.requests).slice(1)).toEqual(["resolved backup-failed:two"]);
    expect(JSON.parse(hook.requests[1]?.body ?? "")).toMatchObject({
      notice: { title: "Over: the last backup of two failed" },
    });
    expect(await system.told()).toEqual([]);
  });

  test("a channel that fails changes nothing but a warning, and is told with the next run", async () => {
    const { hook, system } = await watchedBy("hook");
    hook.status = 500;
    two.at("backup");
    expect(await system.backup()).toMatchObject({ status: "partial" });
    expect(warnings().join()).toMatch(/webhook could not be told, and will be with the next run: .*500/);
    expect(await system.told()).toMatchObject([{ channel: "webhook" }, { channel: "webhook" }]);
    hook.status = 200;
    hook.requests.length = 0;
    await system.backup();
    expect(toldIn(hook.requests).sort()).toEqual(["first backup-failed:two", "first no-good-backup:two"]);
  });

  test("what was damaged is told by the verification that found it", async () => {
    const { hook, system } = await watchedBy("hook");
    const { databases } = await system.backup();
    const id = databases[0]?.backup?.id ?? "";
    const { manifest } = await system.show(id);
    await system.store.annotate(manifest.id, "verification", { level: "checksum", ok: false });
    await system.verify({ databases: ["two"] });
    expect(toldIn(hook.requests).sort()).toEqual(["first damaged:one", "first no-good-backup:one"]);
  });
});

test("metrics are written after every run; where they cannot be, that is a warning", async () => {
  const path = join(directory, "backups.prom");
  await systemOf({ metricsFile: path }).backup();
  expect(await readFile(path, "utf8")).toContain('database="one"');
  const report = await systemOf({ metricsFile: join(directory, "nowhere", "x.prom") }).backup();
  expect(report.status).toBe("ok");
  expect(warnings().join()).toContain("the metrics: ");
});

describe("a prune after a backup", () => {
  const keepsOne = { general: { days: 0, keepLast: 1 } };
  const runs = () => events.flatMap((event) => (event.type === "run-start" ? event.command : []));
  const backups = async (system: BackupSystem) => (await system.list()).length;

  test("follows one that went well, where something is to go, and no other", async () => {
    const system = systemOf({ pruneAfterBackup: true }, { retention: keepsOne });
    await system.backup();
    expect(runs()).toEqual(["backup"]);
    await system.backup();
    expect(runs()).toEqual(["backup", "backup", "prune"]);
    expect(await backups(system)).toBe(2);
    two.at("backup");
    expect(await system.backup()).toMatchObject({ status: "partial" });
    expect(runs()).toEqual(["backup", "backup", "prune", "backup"]);
    expect(await backups(system)).toBe(3);
  });

  test("that fails is told, and the backup went well all the same", async () => {
    const system = systemOf({ pruneAfterBackup: true }, { retention: keepsOne });
    await system.backup();
    await using _lock = await system.store.lock("shared", { wait: false, signal: AbortSignal.timeout(60_000) });
    expect(await system.backup()).toMatchObject({ status: "ok" });
    expect(warnings().join()).toMatch(/the prune after the backup: .*locked/);
    expect(await backups(system)).toBe(4);
  });
});
