import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, type BackupEvent, type ContainerRuntime, type Manifest, type Store } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createBackupSystem, localStore, type BackupSystem, type BackupSystemOptions } from "../../src/index.ts";
import { usualRules } from "../../src/prune/policy.ts";
import { daily, fabricate, never } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;

let directory: string;
let events: BackupEvent[];
let store: Store;
let db: FakeDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "prune-"));
  events = [];
  store = localStore({ path: join(directory, "store"), compression: "none" });
  db = new FakeDatabase("db", ["one"]);
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

function systemOf(options: Partial<BackupSystemOptions> = {}): BackupSystem {
  return createBackupSystem({
    databases: [db],
    store,
    containers: noDocker,
    stateDirectory: join(directory, "state"),
    onEvent: (event) => events.push(event),
    ...options,
  });
}

const ids = (backups: readonly { readonly id: string }[]) => backups.map(({ id }) => id);
const present = async () => ids(await store.list());
const keepLast = (count: number) => ({ rules: { days: 0, keepLast: count } });

describe("prune", () => {
  test("deletes what no rule keeps, tells why, and keeps the report", async () => {
    const made = await fabricate(store, daily(33));
    const report = await systemOf().prune();
    const gone = ids(made.slice(0, 2));
    expect(report).toMatchObject({ status: "ok", dryRun: false, databases: [{ database: "db", status: "ok" }] });
    expect(report.databases[0]?.deleted).toEqual(gone.toReversed());
    expect(await present()).toEqual(ids(made.slice(2)));
    expect(report.freedBytes).toBe(
      made.slice(0, 2).reduce((sum, { artifacts }) => sum + (artifacts[0]?.stored.bytes ?? 0), 0),
    );
    expect(report.databases[0]?.backups[0]).toMatchObject({
      id: gone[0],
      action: "delete",
      reasons: ["older than 30 days", expect.stringContaining("is newer and has passed structure")],
    });
    const kept = JSON.parse(
      await readFile(join(store.location, `prune_report_${report.runId}.json`), "utf8"),
    ) as unknown;
    expect(kept).toEqual(JSON.parse(JSON.stringify(report)));
    expect((await store.log()).filter(({ action }) => action === "delete").map(({ backup }) => backup)).toEqual(
      gone.toReversed(),
    );
    expect(events.map(({ type }) => type)).toEqual([
      "run-start",
      "database-start",
      "progress",
      "progress",
      "database-end",
      "run-end",
    ]);
  });

  test("by the rules that are usual for hourly backups, the newest 48 stay and a month of days", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-11-20T12:30:00Z") });
    const made = await fabricate(
      store,
      Array.from({ length: 144 }, (_, index) => ({ daysAgo: (143 - index) / 24 })),
    );
    const usual = usualRules({}, "UTC");
    await systemOf({ retention: { usual, general: { safetyDays: 1 } } }).prune();
    const stay = await present();
    expect(stay.slice(-48)).toEqual(ids(made.slice(-48)));
    // Of the 14th to the 17th the newest, and while there are fewer than thirty days, the oldest of all.
    expect(stay.slice(0, -48)).toEqual(ids([0, 10, 34, 58, 82].flatMap((index) => made[index] ?? [])));
    // What a database is given holds for it in place of what is usual.
    await systemOf({ retention: { usual, databases: { db: { days: 1 } } } }).prune();
    expect(await present()).toEqual(ids(made.slice(-25)));
  });

  test("tells when the disk is full, before and after; a dry run tells the same", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    for (let day = 1; day <= 10; day += 1) {
      vi.setSystemTime(new Date(Date.UTC(2026, 10, day, 4)));
      await fabricate(store, [{ daysAgo: 0 }]);
    }
    const bytes = (await store.list())[0]?.manifest?.artifacts[0]?.stored.bytes ?? 0;
    store.freeSpace = async () => 20 * bytes;
    const dry = await systemOf().prune({ ...keepLast(4), dryRun: true });
    expect(dry.forecast.before).toMatchObject({ known: true, days: expect.closeTo(20, -1) });
    const done = await systemOf().prune(keepLast(4));
    expect(done.forecast).toEqual(dry.forecast);
    store.freeSpace = async () => 26 * bytes;
    const { forecast } = (await systemOf().report()).store;
    expect(done.forecast.after).toEqual(forecast);
    expect(done.forecast.after).not.toEqual(done.forecast.before);
  });

  test("removes reports of runs that are too old, but for the newest 30 of each kind", async () => {
    await fabricate(store, daily(2));
    const now = Date.now();
    const kept = async (kind: string) => (await readdir(store.location)).filter((name) => name.startsWith(kind)).length;
    const write = async (kind: string, count: number, daysAgo: number) => {
      for (let index = 0; index < count; index += 1) {
        const id = new Date(now - daysAgo * 86_400_000 - index).toISOString().replaceAll(/[-:]/g, "");
        await store.writeReport(`${kind}_report_${id}-abcdef.json`, {});
      }
    };
    await write("master_backup", 40, 400);
    await write("master_backup", 5, 300);
    await write("drill", 31, 400);
    await write("restore", 3, 4000);
    expect(await systemOf().prune({ dryRun: true })).toMatchObject({ removedReports: 16 });
    expect(await systemOf({ reportDays: 500 }).prune()).toMatchObject({ removedReports: 0 });
    expect(await systemOf().prune()).toMatchObject({ removedReports: 16 });
    expect(await Promise.all(["master_backup", "drill", "restore"].map(kept))).toEqual([30, 30, 3]);
  });

  test("a second one finds nothing to do, and leaves no report", async () => {
    await fabricate(store, daily(5));
    await systemOf().prune(keepLast(2));
    const reports = async () => (await readdir(store.location)).filter((name) => name.startsWith("prune_report"));
    const before = await reports();
    const again = await systemOf().prune(keepLast(2));
    expect(again).toMatchObject({ status: "ok", freedBytes: 0, databases: [{ deleted: [] }] });
    expect([before.length, await reports()]).toEqual([1, before]);
  });

  test("a dry run tells the same and changes nothing, also while the store is locked", async () => {
    await fabricate(store, daily(5));
    const before = await readdir(store.location, { recursive: true });
    await using _lock = await store.lock("exclusive", { wait: false, signal: never });
    const dry = await systemOf().prune({ ...keepLast(2), dryRun: true });
    expect(dry.databases[0]).toMatchObject({ status: "ok", deleted: [] });
    expect(dry.freedBytes).toBeGreaterThan(0);
    expect(dry.databases[0]?.backups.map(({ action }) => action)).toEqual([
      "delete",
      "delete",
      "delete",
      "keep",
      "keep",
    ]);
    expect((await readdir(store.location, { recursive: true })).filter((name) => !name.startsWith(".locks"))).toEqual(
      before.filter((name) => !name.startsWith(".locks")),
    );
  });

  test("never runs beside a backup, a restore or a verification", async () => {
    await fabricate(store, daily(5));
    {
      await using _lock = await store.lock("shared", { wait: false, signal: never });
      await expect(systemOf().prune(keepLast(1))).rejects.toMatchObject({ reason: "locked" });
      expect(await present()).toHaveLength(5);
    }
    expect((await systemOf().prune(keepLast(1))).status).toBe("ok");
  });

  test.each([
    ["damaged", { verification: { level: "structure", ok: false } }],
    ["unproven", { verification: null }],
    ["partial", { status: "partial", incomplete: ["a table"] }],
    ["safety", { purpose: "safety" }],
  ] as const)("a newer %s backup lets nothing go", async (_, changes) => {
    const made = await fabricate(store, [...daily(3), { daysAgo: 0, ...changes }]);
    await systemOf().prune(keepLast(1));
    expect(await present()).toEqual(ids(made.slice(2)));
  });

  test("waits for the level that is asked for", async () => {
    const made = await fabricate(store, daily(4));
    const rules = { days: 0, keepLast: 1, level: "restore" } as const;
    expect((await systemOf().prune({ rules })).databases[0]?.deleted).toEqual([]);
    await store.annotate(made[2]?.id ?? "", "verification", { level: "restore", ok: true });
    await systemOf().prune({ rules });
    expect(await present()).toEqual(ids(made.slice(2)));
  });

  test("keeps what is pinned until it is unpinned, and what might be", async () => {
    const made = await fabricate(store, daily(4));
    const [first, second] = ids(made) as [string, string];
    const system = systemOf();
    await system.pin(first, { reason: "audit" });
    await store.annotate(second, "pin", { reason: "x" });
    const damaged = join(store.location, "db", second, "annotations", "000002.json");
    await writeFile(damaged, "broken");
    const report = await system.prune(keepLast(1));
    expect(report.databases[0]?.backups.slice(0, 2).map(({ reasons }) => reasons)).toEqual([
      ["pinned: audit"],
      ["pinned: its annotations cannot be read, and one may be a pin"],
    ]);
    expect(await present()).toEqual([first, second, made[3]?.id]);
    const pins = await system.pins(await present());
    expect([...pins].map(([id, { reason }]) => [id, reason])).toEqual([
      [first, "audit"],
      [second, expect.stringContaining("cannot be read")],
    ]);

    expect(await system.unpin(first)).toMatchObject({ reason: "audit" });
    expect(await system.unpin(first)).toBeUndefined();
    await system.prune(keepLast(1));
    expect(await present()).toEqual([second, made[3]?.id]);
  });

  test("leaves alone what an operation that has not ended may need", async () => {
    const system = systemOf();
    for (let round = 0; round < 3; round += 1) await system.backup();
    db.at("replaced").at("recover");
    expect((await system.restore()).databases[0]?.state).toBe("unsettled");
    const dry = await system.prune({ ...keepLast(1), dryRun: true });
    expect(dry.databases[0]?.backups.map(({ action }) => action)).not.toContain("delete");
    expect(dry.databases[0]?.backups[0]?.reasons[0]).toContain("in use: a restore of db");
    await expect(system.prune(keepLast(1))).rejects.toMatchObject({ reason: "restore-failed" });
    db.heal();
    expect((await system.prune(keepLast(1))).databases[0]?.deleted).toHaveLength(2);
    expect(db.lines).toEqual(["one"]);
  });

  test("a database that became empty keeps its last full backup", async () => {
    const made = await fabricate(
      store,
      daily(7).map((backup, index) => ({ ...backup, empty: index > 2 })),
    );
    await systemOf().prune(keepLast(1));
    expect(await present()).toEqual([made[2]?.id, made[6]?.id]);
  });

  test("is refused where the clock seems to have jumped, unless it is asked for", async () => {
    const made = await fabricate(store, [
      ...daily(5).map(({ daysAgo }) => ({ daysAgo: daysAgo + 400 })),
      { daysAgo: 0 },
    ]);
    const report = await systemOf().prune();
    expect(report).toMatchObject({
      status: "failed",
      freedBytes: 0,
      databases: [{ deleted: [], error: { reason: "refused", hint: expect.stringContaining("--allow-unusual") } }],
    });
    expect(await present()).toEqual(ids(made));
    expect((await systemOf().prune({ allowUnusual: true })).databases[0]?.deleted).toHaveLength(5);
    expect(await present()).toEqual([made[5]?.id]);

    const [ahead] = await fabricate(store, [{ daysAgo: -3 }]);
    expect((await systemOf().prune(keepLast(1))).databases[0]?.error?.message).toContain(`${ahead?.id} is dated`);
  });

  test("takes each database by its own rules, also those no longer configured", async () => {
    await fabricate(store, [...daily(4, { database: "db" }), ...daily(4, { database: "old" })]);
    const retention = { general: { days: 0, keepLast: 3 }, databases: { db: { keepLast: 2 } } };
    const report = await systemOf({ retention }).prune();
    expect(
      report.databases.map(({ database, deleted, policy }) => [database, deleted.length, policy.keepLast]),
    ).toEqual([
      ["db", 2, 2],
      ["old", 1, 3],
    ]);
    expect(
      (await systemOf({ retention }).prune({ databases: ["old"], rules: { keepLast: 1 } })).databases,
    ).toMatchObject([{ database: "old", policy: { keepLast: 1 } }]);
    expect(await present()).toHaveLength(3);
  });

  test("an unknown name, or rules that keep nothing, are refused before anything goes", async () => {
    await fabricate(store, daily(3));
    await expect(systemOf().prune({ databases: ["dp"] })).rejects.toMatchObject({
      reason: "configuration",
      hint: "known: db",
    });
    await expect(systemOf().prune({ rules: { days: 0 } })).rejects.toMatchObject({ reason: "configuration" });
    await expect(systemOf().prune({ rules: { days: Number.NaN } })).rejects.toMatchObject({ reason: "configuration" });
    expect(await present()).toHaveLength(3);
  });

  test("one database that fails leaves the others to go on, and nothing that is needed goes after what failed", async () => {
    const [first] = await fabricate(store, daily(3, { database: "a" }));
    const child = await fabricate(store, [{ database: "a", daysAgo: 2, parents: [first?.id ?? ""] }]);
    await fabricate(store, [...daily(1, { database: "a" }), ...daily(3, { database: "z" })]);
    const failing: Store = Object.assign(Object.create(store) as Store, {
      ...bound(store),
      delete: async (id: string) => {
        if (id === child[0]?.id) throw new BackupError("permission", "read-only");
        await store.delete(id);
      },
    });
    const report = await systemOf({ store: failing }).prune(keepLast(1));
    expect(report.status).toBe("partial");
    expect(report.databases).toMatchObject([
      { database: "a", status: "failed", deleted: [], error: { reason: "permission" } },
      { database: "z", status: "ok" },
    ]);
    expect(await present()).toEqual(expect.arrayContaining([first?.id, child[0]?.id]));
  });

  test("cancelled, it stops between two backups", async () => {
    await fabricate(store, daily(5));
    const controller = new AbortController();
    const system = systemOf({ onEvent: ({ type }) => type === "progress" && controller.abort() });
    const report = await system.prune({ ...keepLast(1), signal: controller.signal });
    expect(report).toMatchObject({ status: "cancelled", databases: [{ status: "cancelled" }] });
    expect(report.databases[0]?.deleted).toHaveLength(1);
    expect(await present()).toHaveLength(4);
  });

  test("what cannot be read stays, and is told", async () => {
    const made = await fabricate(store, daily(3));
    await writeFile(join(store.location, "db", made[0]?.id ?? "", "manifest.json"), "{}");
    const report = await systemOf().prune(keepLast(1));
    expect(report.databases[0]?.backups[0]).toMatchObject({ standing: "unreadable", action: "keep", bytes: 0 });
    expect(await present()).toEqual([made[0]?.id, made[2]?.id]);
    await makeNewer(made[2] as Manifest);
    expect((await systemOf().prune(keepLast(1))).databases[0]?.deleted).toEqual([]);
  });
});

/** As a newer version of the software would have written it. */
async function makeNewer({ id }: Manifest): Promise<void> {
  const path = join(store.location, "db", id, "manifest.json");
  await writeFile(path, (await readFile(path, "utf8")).replace('"version": 1', '"version": 2'));
}

/** The methods of a store, bound to it: for one that replaces some of them. */
function bound(of: Store): Partial<Store> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(of)).filter((name) => name !== "constructor");
  const methods = of as unknown as Record<string, (...args: unknown[]) => unknown>;
  return Object.fromEntries(names.map((name) => [name, methods[name]?.bind(of)]));
}
