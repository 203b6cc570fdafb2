import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BackupError, type BackupEvent, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem, type BackupSystemOptions } from "../src/index.ts";
import { FakeDatabase } from "./fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;
const lines = ["one", "two", "three"];

let directory: string;
let events: BackupEvent[];
let db: FakeDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sdk-"));
  events = [];
  db = new FakeDatabase("db", lines);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function systemOf(databases: readonly FakeDatabase[] = [db], options: Partial<BackupSystemOptions> = {}): BackupSystem {
  return createBackupSystem({
    databases,
    store: localStore({ path: join(directory, "store") }),
    containers: noDocker,
    stateDirectory: join(directory, "state"),
    onEvent: (event) => events.push(event),
    ...options,
  });
}

const published = async (system: BackupSystem) => (await system.list()).length;
const leftInState = async () =>
  (await readdir(join(directory, "state"), { recursive: true })).filter(
    (name) => name.endsWith(".json") || /scratch\/./.test(name),
  );

test("a state directory that others can write to is not believed: what stands in its journal would be done", async () => {
  const state = join(directory, "state");
  await mkdir(state);
  await chmod(state, 0o777);
  const system = systemOf();
  for (const act of [() => system.backup(), () => system.recover(), () => system.restore()]) {
    await expect(act()).rejects.toMatchObject({
      reason: "permission",
      hint: expect.stringContaining(`chmod go-w ${state}`),
    });
  }
  await chmod(state, 0o755);
  expect((await system.backup()).status).toBe("ok");
});

describe("backup", () => {
  test("is proven before it exists, and says so everywhere", async () => {
    const system = systemOf();
    const report = await system.backup();
    expect(report).toMatchObject({
      status: "ok",
      databases: [{ database: "db", status: "ok", backup: { verified: "structure", plainBytes: 14, sequence: 1 } }],
    });
    const id = report.databases[0]?.backup?.id ?? "";
    const { manifest, annotations } = await system.show(id);
    expect(manifest).toMatchObject({
      status: "ok",
      purpose: "backup",
      forms: [{ fingerprint: { lines: { exact: 3 } } }],
    });
    expect(annotations).toMatchObject([{ kind: "verification", value: { level: "structure", ok: true } }]);
    expect(
      JSON.parse(await readFile(join(directory, "store", `master_backup_report_${report.runId}.json`), "utf8")),
    ).toEqual(report);
    expect(events.map(({ type }) => type).filter((type) => type !== "progress")).toEqual([
      "run-start",
      "database-start",
      "database-end",
      "run-end",
    ]);
    expect(await leftInState()).toEqual([]);
  });

  test("a report that cannot be kept does not take away what was found", async () => {
    const store = localStore({ path: join(directory, "store") });
    store.writeReport = () => Promise.reject(new BackupError("no-space", "full"));
    expect((await systemOf([db], { store }).backup()).status).toBe("ok");
    expect(events).toContainEqual(
      expect.objectContaining({ type: "warning", message: expect.stringContaining("full") }),
    );
  });

  test("one that fails leaves the others alone, and the run is partial", async () => {
    const system = systemOf([new FakeDatabase("broken", ["x"]).at("backup"), db]);
    const report = await system.backup();
    expect(report.status).toBe("partial");
    expect(report.databases.map(({ status, error }) => [status, error?.reason])).toEqual([
      ["failed", "tool-failed"],
      ["ok", undefined],
    ]);
    expect(await published(system)).toBe(1);
  });

  test("what is known to be missing makes it partial, never ok", async () => {
    db.incomplete = ["one table could not be read"];
    const report = await systemOf().backup();
    expect(report).toMatchObject({
      status: "partial",
      databases: [{ status: "partial", incomplete: ["one table could not be read"] }],
    });
  });

  test("an adapter whose artifact does not hold what it reported publishes nothing", async () => {
    const liar = new FakeDatabase("liar", lines);
    liar.inspectArtifact = async () => ({ facts: { lines: { exact: 2 } } });
    const system = systemOf([liar]);
    const report = await system.backup();
    expect(report.databases[0]).toMatchObject({ status: "failed", error: { reason: "corrupt" } });
    expect(await published(system)).toBe(0);
  });

  test("what an adapter has to unpack goes into the state directory, whichever command reads it, and away again", async () => {
    const used: string[] = [];
    db.inspectArtifact = async (_, content, context) => {
      const { scratch = "", bytes } = context ?? {};
      expect(bytes).toBe(14);
      used.push(relative(join(directory, "state", "scratch"), scratch));
      await writeFile(join(scratch, "unpacked"), "x");
      for await (const _chunk of content);
      return { facts: {} };
    };
    const system = systemOf();
    expect((await system.backup()).status).toBe("ok");
    expect((await system.verify()).map(({ ok }) => ok)).toEqual([true]);
    expect((await system.planRestore()).map(({ error }) => error)).toEqual([undefined]);
    expect((await system.restore()).status).toBe("ok");
    expect(used).toHaveLength(5);
    for (const path of used) expect(path).toMatch(/^[^./]/);
    expect(await leftInState()).toEqual([]);
  });

  test("a time limit ends it, and nothing is published", async () => {
    db.at("backup", (context) => sleep(10_000, undefined, { signal: context?.signal }));
    const system = systemOf([db], { timeoutMs: 50 });
    expect((await system.backup()).databases[0]).toMatchObject({
      status: "failed",
      error: { reason: "timeout", database: "db" },
    });
    expect(await published(system)).toBe(0);
  });

  test("a cancellation ends it", async () => {
    const controller = new AbortController();
    db.at("backup", (context) => {
      controller.abort();
      return sleep(10_000, undefined, { signal: context?.signal });
    });
    const report = await systemOf().backup({ signal: controller.signal });
    expect(report).toMatchObject({ status: "cancelled", databases: [{ status: "cancelled" }] });
  });

  test("a database that became empty is told, and its last full backup pinned", async () => {
    const system = systemOf();
    const full = (await system.backup()).databases[0]?.backup?.id ?? "";
    db.lines = [];
    const report = await system.backup();
    expect(report.databases[0]).toMatchObject({
      status: "ok",
      backup: { empty: true },
      warnings: [expect.stringContaining("emptied")],
    });
    await system.backup();
    const pins = (await system.show(full)).annotations.filter(({ kind }) => kind === "pin");
    expect(pins.length).toBe(1);
    const [restored] = (await system.restore()).databases;
    expect(restored).toMatchObject({
      status: "ok",
      backup: full,
      warnings: expect.arrayContaining([
        expect.stringMatching(/which is newer, was passed over: the database was empty/),
      ]),
    });
    expect(db.lines).toEqual(lines);
  });

  test("what nothing restores is passed over for what is older, and told; alone it is no backup to come back from", async () => {
    const system = systemOf();
    const whole = (await system.backup()).databases[0]?.backup?.id ?? "";
    db.form = "listing";
    const listing = (await system.backup()).databases[0]?.backup?.id ?? "";
    db.form = "lines";
    expect((await system.restore()).databases[0]).toMatchObject({
      status: "ok",
      backup: whole,
      warnings: [`backup ${listing}, which is newer, was passed over: nothing restores its form listing`],
    });
    expect((await system.restore({ backup: listing })).databases[0]).toMatchObject({
      state: "untouched",
      error: { reason: "unsupported" },
    });
    const alone = systemOf([db], { store: localStore({ path: join(directory, "alone") }) });
    db.form = "listing";
    await alone.backup();
    for (const report of [await alone.restore(), await alone.drill()]) {
      expect(report.databases[0]).toMatchObject({
        status: "failed",
        error: { reason: "not-found", hint: expect.stringContaining("another method") },
      });
    }
  });

  test("no more at once than allowed", async () => {
    let running = 0;
    let most = 0;
    const databases = Array.from({ length: 6 }, (_, number) =>
      new FakeDatabase(`db${number}`, lines).at("backup", async () => {
        most = Math.max(most, (running += 1));
        await sleep(10);
        running -= 1;
      }),
    );
    await systemOf(databases, { parallel: 2 }).backup();
    expect(most).toBe(2);
  });

  test("an unknown name is an error that lists the known ones", async () => {
    await expect(systemOf().backup({ databases: ["dp"] })).rejects.toMatchObject({
      reason: "configuration",
      hint: "known: db",
    });
  });

  test("two databases in one container are backed up one after the other, neither locked by the other", async () => {
    let running = 0;
    const databases = ["one", "two"].map((name) => {
      const database = new FakeDatabase(name, lines).at("backup", async () => {
        expect((running += 1)).toBe(1);
        // Longer than a lock that is in the way is looked at again before it is told.
        await sleep(1_000);
        running -= 1;
      });
      database.resource = "fake://shared";
      return database;
    });
    const report = await systemOf(databases, { parallel: 2 }).backup();
    expect(report.databases.map(({ status, error }) => [status, error])).toEqual([
      ["ok", undefined],
      ["ok", undefined],
    ]);
  });

  test("a second run of the same database is locked", async () => {
    const { promise: inside, resolve: entered } = Promise.withResolvers<void>();
    const { promise: leave, resolve: go } = Promise.withResolvers<void>();
    db.at("backup", async () => {
      entered();
      await leave;
    });
    const first = systemOf().backup();
    await inside;
    const second = await systemOf([new FakeDatabase("db", lines)]).backup();
    expect(second.databases[0]?.error).toMatchObject({
      reason: "locked",
      details: { holder: expect.stringContaining(String(process.pid)) },
    });
    go();
    expect((await first).status).toBe("ok");
  });
});

describe("restore", () => {
  let system: BackupSystem;
  beforeEach(async () => {
    system = systemOf();
    await system.backup();
    db.lines = ["changed"];
  });
  const restore = async (options = {}) => (await system.restore(options)).databases[0];

  test("puts back what was backed up, fenced, after a safety backup of what was there", async () => {
    let fencedWhileReplaced = false;
    db.at("replaced", () => void (fencedWhileReplaced = db.fenced));
    const result = await restore();
    expect(result).toMatchObject({ status: "ok", state: "restored", factsCompared: 2, evidence: ["looked"] });
    expect([db.lines, db.fenced, fencedWhileReplaced]).toEqual([lines, false, true]);
    const { manifest } = await system.show(result?.safetyBackup ?? "");
    expect(manifest).toMatchObject({ purpose: "safety", forms: [{ fingerprint: { lines: { exact: 1 } } }] });
    expect(await leftInState()).toEqual([]);
  });

  test("never takes a safety backup for the newest good one", async () => {
    await restore();
    db.lines = ["changed again"];
    await restore();
    expect(db.lines).toEqual(lines);
  });

  test.each(["fence", "restore", "replaced"] as const)("that fails at %s leaves the state before", async (step) => {
    db.at(step);
    const result = await restore();
    expect(result).toMatchObject({ status: "failed", error: { reason: "tool-failed" } });
    expect(result?.state).toBe(step === "fence" ? "untouched" : "rolled-back");
    expect([db.lines, db.fenced]).toEqual([["changed"], false]);
    expect(result?.rollback ?? "").toContain(step === "fence" ? "" : "equal in 2 facts");
  });

  test("that comes out different is rolled back, and says what differs", async () => {
    db.at("replaced", () => void (db.lines = ["one", "two"]));
    const result = await restore();
    expect(result).toMatchObject({
      state: "rolled-back",
      error: { reason: "mismatch", message: expect.stringContaining("lines: different, expected 3, found 2") },
    });
    expect(db.lines).toEqual(["changed"]);
  });

  test("whose rollback fails says so, and the next command finishes it", async () => {
    db.at("replaced").at("recover");
    const result = await restore();
    expect(result).toMatchObject({
      status: "failed",
      state: "unsettled",
      error: { reason: "restore-failed", hint: expect.stringContaining("recover") },
    });
    expect(db.lines).toEqual(lines);
    await expect(system.backup()).rejects.toMatchObject({ reason: "restore-failed" });

    db.heal();
    expect(await system.recover()).toMatchObject({
      operations: [{ outcome: "undone", operation: { database: "db" } }],
    });
    expect([db.lines, db.fenced]).toEqual([["changed"], false]);
    expect((await system.backup()).status).toBe("ok");
  });

  test("that cannot clear away after its commit is finished by the next command, not undone", async () => {
    let settled = 0;
    db.at("recover", () => {
      if ((settled += 1) === 1) throw new BackupError("connection", "gone for a moment");
    });
    expect(await restore()).toMatchObject({ status: "failed", state: "restored", error: { reason: "restore-failed" } });
    expect(await system.recover()).toMatchObject({ operations: [{ outcome: "finished" }] });
    expect(db.lines).toEqual(lines);
  });

  test("from a damaged backup is refused before anything is touched", async () => {
    const [file = ""] = (await readdir(join(directory, "store"), { recursive: true })).filter((name) =>
      name.endsWith("lines.txt.zst"),
    );
    const path = join(directory, "store", file);
    const content = await readFile(path);
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
    await writeFile(path, content);
    db.calls.length = 0;
    expect(await restore()).toMatchObject({ state: "untouched", error: { reason: "corrupt" } });
    expect(db.calls).toEqual([]);
    expect(await system.verify()).toMatchObject([{ ok: false }]);
    expect(await restore()).toMatchObject({
      state: "untouched",
      error: { reason: "not-found", message: expect.stringContaining("no good backup") },
    });
    await system.backup();
    expect(await restore()).toMatchObject({ state: "restored" });
  });

  test("from a directory that is not in the store", async () => {
    const [manifest = ""] = (await readdir(join(directory, "store"), { recursive: true })).filter((name) =>
      name.endsWith("manifest.json"),
    );
    const elsewhere = join(directory, "elsewhere");
    await cp(join(directory, "store", dirname(manifest)), elsewhere, { recursive: true });
    await rm(join(directory, "store"), { recursive: true });
    expect(await restore({ databases: ["db"], file: elsewhere })).toMatchObject({ state: "restored" });
    expect(db.lines).toEqual(lines);
    expect(await restore({ databases: ["db"], file: join(elsewhere, "manifest.json") })).toMatchObject({
      state: "restored",
    });
    expect(await restore({ databases: ["db"], file: directory })).toMatchObject({
      state: "untouched",
      error: { reason: "not-found" },
    });
    await writeFile(join(elsewhere, "lines.txt.zst"), "");
    expect(await restore({ databases: ["db"], file: elsewhere })).toMatchObject({
      state: "untouched",
      error: { reason: "corrupt" },
    });
  });

  test("without a fence is refused unless it is asked for", async () => {
    expect(await restore({ method: "careless" })).toMatchObject({
      state: "untouched",
      error: { reason: "unsupported", hint: expect.stringContaining("--unfenced") },
    });
    expect(await restore({ method: "careless", unfenced: true })).toMatchObject({ state: "restored" });
  });

  test("of exactly what the backup has is asked of the adapter, and refused by a method that cannot", async () => {
    await restore();
    expect(db.asked).toEqual({ form: "lines", method: "replace", only: undefined });
    await restore({ exact: true });
    expect(db.asked).toEqual({ form: "lines", method: "replace", only: undefined, exact: true });
    expect(await restore({ exact: true, method: "careless", unfenced: true })).toMatchObject({
      state: "untouched",
      error: { reason: "unsupported", hint: expect.stringContaining("--exact") },
    });
    expect((await system.planRestore({ exact: true, method: "careless", unfenced: true }))[0]?.error?.reason).toBe(
      "unsupported",
    );
    expect((await restore({ exact: true, only: "one" }))?.error?.reason).toBe("unsupported");
  });

  test("without a safety backup is possible, and loud", async () => {
    expect(await restore({ withoutSafetyBackup: true })).toMatchObject({
      state: "restored",
      warnings: [expect.stringContaining("NO SAFETY BACKUP")],
    });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "warning", message: expect.stringContaining("NO SAFETY BACKUP") }),
    );
  });

  test("that is cancelled after the database was changed is rolled back", async () => {
    const controller = new AbortController();
    db.at("replaced", () => controller.abort());
    expect(await restore({ signal: controller.signal })).toMatchObject({ status: "cancelled", state: "rolled-back" });
    expect(db.lines).toEqual(["changed"]);
  });

  test("of an unknown form, method, id or database says what there is", async () => {
    expect((await restore({ form: "pages" }))?.error?.hint).toBe("it has: lines");
    expect((await restore({ method: "magic" }))?.error?.hint).toBe("its methods are: replace, careless");
    expect((await restore({ backup: "20200101T000000.000Z-aaaaaa" }))?.error?.reason).toBe("not-found");
    expect((await restore({ only: "one" }))?.error?.reason).toBe("unsupported");
    await expect(system.restore({ databases: ["dp"] })).rejects.toMatchObject({ reason: "configuration" });
  });

  test("of several goes on past one that fails", async () => {
    const other = new FakeDatabase("other", ["other"]);
    system = systemOf([new FakeDatabase("never-backed-up", []), db, other]);
    await system.backup({ databases: ["db", "other"] });
    db.lines = [];
    const report = await system.restore();
    expect(report.status).toBe("partial");
    expect(report.databases.map(({ database, state }) => [database, state])).toEqual([
      ["never-backed-up", "untouched"],
      ["db", "restored"],
      ["other", "restored"],
    ]);
  });
});

test("two databases of one name are refused at once", () => {
  expect(() => systemOf([db, new FakeDatabase("db", [])])).toThrow(
    expect.objectContaining({ reason: "configuration" }),
  );
});
