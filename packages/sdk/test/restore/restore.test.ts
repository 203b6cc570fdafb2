import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, Secret, type BackupEvent, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { moduleOf } from "../../src/adapters.ts";
import { optionsIn } from "../../src/config/other-container.ts";
import {
  createBackupSystem,
  localStore,
  stepsOf,
  type BackupSystem,
  type BackupSystemOptions,
} from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";

const staging = { id: "0f", name: "staging", environment: {}, command: [] } as Partial<ContainerInfo> as ContainerInfo;
const containers = {
  removeOrphans: async () => [],
  inspect: async (reference: string) => {
    if (reference === staging.name) return staging;
    throw new BackupError("not-found", `there is no container "${reference}"`);
  },
} as Partial<ContainerRuntime> as ContainerRuntime;
const lines = ["one", "two", "three"];

let directory: string;
let events: BackupEvent[];
let db: FakeDatabase;
let system: BackupSystem;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sdk-restore-"));
  events = [];
  db = new FakeDatabase("db", lines);
  system = systemOf();
  await system.backup();
  db.lines = ["changed"];
  db.calls.length = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function systemOf(databases: readonly FakeDatabase[] = [db], options: Partial<BackupSystemOptions> = {}): BackupSystem {
  return createBackupSystem({
    databases,
    store: localStore({ path: join(directory, "store") }),
    containers,
    stateDirectory: join(directory, "state"),
    onEvent: (event) => events.push(event),
    ...options,
  });
}

const warnings = () => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
const stored = async () => (await readdir(join(directory, "store"), { recursive: true })).sort();

describe("the safety backup", () => {
  test("that cannot be had refuses the restore, with both reasons and the way on", async () => {
    db.at("backup");
    expect((await system.restore()).databases[0]).toMatchObject({
      state: "untouched",
      error: {
        reason: "refused",
        message: expect.stringMatching(/broke at backup.*no container whose files/),
        hint: expect.stringContaining("--no-safety-backup"),
      },
    });
    expect([db.lines, db.fenced]).toEqual([["changed"], false]);
    expect((await system.restore({ withoutSafetyBackup: true })).databases[0]).toMatchObject({ state: "restored" });
    expect(db.lines).toEqual(lines);
  });

  test("is none where nothing could restore it, whether that is known before or only afterwards", async () => {
    db.form = "listing";
    const refused = { state: "untouched", error: { reason: "refused", message: expect.stringContaining("listing") } };
    expect((await system.restore()).databases[0]).toMatchObject(refused);
    expect(db.calls).toContain("backup");
    expect(await system.list()).toHaveLength(1);

    db.calls.length = 0;
    Object.assign(db, { capabilities: { ...db.capabilities, forms: [db.capabilities.forms[1]] } });
    expect((await system.restore()).databases[0]).toMatchObject(refused);
    expect(db.calls).not.toContain("backup");
  });

  test.each(["no-space", "cancelled"] as const)("that fails with %s is no reason to take raw files", async (reason) => {
    db.at("backup", () => {
      throw new BackupError(reason, "no");
    });
    expect((await system.restore()).databases[0]).toMatchObject({ state: "untouched", error: { reason } });
  });

  test("that is left out is said before anything else", async () => {
    events.length = 0;
    await system.restore({ withoutSafetyBackup: true });
    expect(events.map(({ type }) => type).slice(0, 3)).toEqual(["run-start", "database-start", "warning"]);
    expect(warnings()[0]).toContain("NO SAFETY BACKUP");
  });
});

describe("a plan", () => {
  test("shows what would be done, and touches nothing", async () => {
    db.steps = ["move the lines"];
    const before = await stored();
    const [plan] = await system.planRestore();
    expect(plan).toMatchObject({
      database: "db",
      backup: { database: "db", plainBytes: 14, facts: 2, serverVersion: "1" },
      serverVersion: "1",
      form: "lines",
      method: "replace",
      fence: "read-only",
      steps: [expect.stringContaining("back up the present state"), "move the lines"],
      safetyBackup: { expectedBytes: expect.any(Number), freeBytes: expect.any(Number) },
      warnings: [],
    });
    expect(plan?.error).toBeUndefined();
    expect(db.calls).toEqual(["probe", "plan"]);
    expect(db.lines).toEqual(["changed"]);
    expect(await stored()).toEqual(before);
  });

  test("without a safety backup says so", async () => {
    expect((await system.planRestore({ withoutSafetyBackup: true }))[0]).toMatchObject({ safetyBackup: null });
  });

  test("tells what would be refused, with all that was found before", async () => {
    db.at("plan", () => {
      throw new BackupError("incompatible-version", "too old");
    });
    expect((await system.planRestore())[0]).toMatchObject({
      backup: { plainBytes: 14 },
      serverVersion: "1",
      steps: [],
      error: { reason: "incompatible-version", database: "db" },
    });
    expect((await system.planRestore({ backup: "20200101T000000.000Z-aaaaaa" }))[0]?.error?.reason).toBe("not-found");
  });

  test("expects the time that was measured last, in proportion", async () => {
    expect((await system.planRestore())[0]?.expected).toBeUndefined();
    const small = (await system.restore()).databases[0]?.backup ?? "";
    const { measured } = (await system.planRestore())[0]?.expected ?? {};
    expect(measured).toMatchObject({ by: "restore", backup: small, bytes: 14 });

    await system.store.annotate(small, "verification", { level: "restore", ok: true, rto: { ms: 1000 } });
    await system.store.annotate(small, "verification", { level: "restore", ok: false, rto: { ms: 9 } });
    db.lines = Array.from({ length: 10 }, () => "123456");
    await system.backup();
    expect((await system.planRestore())[0]?.expected).toMatchObject({
      ms: 5000,
      measured: { by: "drill", ms: 1000, backup: small },
    });
  });
});

describe("the order of all", () => {
  const order = async (restoreOrder: readonly string[], databases?: readonly string[]) => {
    const many = ["a", "b", "c"].map((name) => new FakeDatabase(name, lines));
    const some = systemOf(many, { restoreOrder });
    await some.backup();
    const report = await some.restore(databases === undefined ? {} : { databases });
    return report.databases.map(({ database }) => database);
  };

  test("is the one that was set, then that of the configuration", async () => {
    expect(await order([])).toEqual(["a", "b", "c"]);
    expect(await order(["c", "gone"])).toEqual(["c", "a", "b"]);
  });
  test("gives way to names", async () => expect(await order(["c"], ["b", "a"])).toEqual(["b", "a"]));
});

describe("into another container", () => {
  let other: FakeDatabase;
  const withOther = (): BackupSystem =>
    systemOf([db], {
      adapterIn: (database, container, name) => {
        expect([database, container]).toEqual(["db", staging]);
        other.name = name;
        return other;
      },
    });
  beforeEach(() => {
    other = new FakeDatabase("", ["of staging"]);
    system = withOther();
  });

  test("restores there, keeps what was there under its own name, and leaves the database alone", async () => {
    const report = await system.restore({ databases: ["db"], into: "staging" });
    expect(report.databases[0]).toMatchObject({ database: "db@staging", state: "restored" });
    expect([other.lines, db.lines, db.calls]).toEqual([lines, ["changed"], []]);
    const { manifest } = await system.show(report.databases[0]?.safetyBackup ?? "");
    expect(manifest).toMatchObject({ database: "db@staging", purpose: "safety" });
    expect((await system.planRestore())[0]?.backup?.id).toBe(report.databases[0]?.backup);
  });

  test("that dies is settled there by a process that was told nothing of it", async () => {
    other.at("replaced").at("recover");
    const report = await system.restore({ databases: ["db"], into: "staging" });
    expect(report.databases[0]).toMatchObject({ state: "unsettled" });
    other.heal();
    expect(await withOther().recover()).toMatchObject({ operations: [{ outcome: "undone" }] });
    expect([other.lines, other.fenced]).toEqual([["of staging"], false]);
  });

  test("needs one database, a container that is there, and somebody who can reach it", async () => {
    const restore = (options: object) => system.restore({ databases: ["db"], into: "staging", ...options });
    await expect(restore({ into: "stagign" })).rejects.toMatchObject({ reason: "not-found" });
    system = systemOf([db, new FakeDatabase("more", [])]);
    await expect(restore({ databases: [] })).rejects.toMatchObject({ reason: "configuration" });
    await expect(restore({})).rejects.toMatchObject({
      reason: "configuration",
      hint: expect.stringContaining("adapterIn"),
    });
  });

  const password = new Secret("of the database");
  test.each([
    ["redis", { container: "prod", password, commands: { CONFIG: "x" } }, {}, ["commands", "password"]],
    ["redis", { container: "prod", password, username: "u" }, { environment: { REDIS_PASSWORD: "its" } }, []],
    ["redis", { container: "prod", password }, { command: ["redis-server", "--requirepass", "its"] }, []],
    ["postgres", { host: "db", port: 6000, password, parallel: 3 }, {}, ["parallel", "password"]],
    ["faiss", { container: "prod", directory: "/data" }, {}, ["directory"]],
    ["faiss", { directory: "/srv/indexes", ids: ".json" }, {}, ["ids"]],
  ])("%s with %o there keeps of its options only what holds there", (kind, configured, there, kept) => {
    const module = moduleOf(kind);
    if (module === undefined) throw new Error(`${kind} is gone`);
    const options = optionsIn(module, configured, { ...staging, ...there }, "x@staging");
    expect(Object.keys(options).sort()).toEqual([...kept, "container", "name"].sort());
    expect(options).toMatchObject({ name: "x@staging", container: staging.id });
    expect(module.create(options as never).name).toBe("x@staging");
  });
});

describe("what died", () => {
  test("is told before it is settled: what, since when, how far it had come, what becomes of it", async () => {
    db.at("replaced").at("recover");
    await system.restore();
    db.heal();
    const [found] = await system.pending();
    if (found === undefined) throw new Error("nothing is pending");
    expect(stepsOf(found)).toEqual(["db: fenced", "db: replaced"]);
    events.length = 0;
    await system.backup();
    const told = events.findIndex(({ type }) => type === "warning");
    expect(events[told]).toMatchObject({
      database: "db",
      message: expect.stringMatching(
        /^the restore of db that process \d+ .* began at 20.* died\. Its last step was to db: replaced, after: db: fenced\. .* undone$/,
      ),
    });
    const settled = events.slice(told).find(({ type }) => type !== "warning" && type !== "progress");
    expect(settled).toMatchObject({ type: "recovered", settlement: "undo" });
  });

  test("is compared with its safety backup once it is undone, while writers are kept out; a difference is told", async () => {
    for (const differs of [false, true]) {
      db.lines = ["before"];
      db.at("replaced").at("recover");
      await system.restore();
      db.heal();
      // One act of undoing that does not do what it should.
      const recover = vi.spyOn(db, "recover");
      if (differs) recover.mockImplementationOnce(async () => undefined);
      const compare = vi.spyOn(db, "fingerprint").mockImplementationOnce(async function (this: FakeDatabase) {
        expect(this.fenced).toBe(true);
        return this.fingerprint();
      });
      events.length = 0;
      const [recovered] = (await system.recover()).operations;
      const told = differs
        ? /compared with safety backup .*: \d+ facts differ/
        : /compared with safety backup .*: equal in/;
      expect(recovered).toMatchObject({
        outcome: differs ? "differs" : "undone",
        rollback: expect.stringMatching(told),
      });
      expect(warnings().filter((warning) => told.test(warning))).toHaveLength(differs ? 1 : 0);
      expect(db.fenced).toBe(false);
      recover.mockRestore();
      compare.mockRestore();
    }
  });

  test("is told by a plan too, which settles nothing", async () => {
    db.at("replaced").at("recover");
    await system.restore();
    db.heal();
    expect((await system.planRestore())[0]?.warnings).toEqual([expect.stringContaining("died")]);
    expect(await system.pending()).toHaveLength(1);
  });
});

describe("a database that the store has backups of, and that is not here", () => {
  const other = () => new FakeDatabase("other", lines);

  test("is told when all are restored", async () => {
    expect((await systemOf([other()]).restore()).databases).toMatchObject([{ database: "other", state: "untouched" }]);
    expect(warnings()).toContainEqual(expect.stringMatching(/backups of db, .*not restored.*platform export/));
    events.length = 0;
    await system.restore();
    expect(warnings()).toEqual([]);
  });

  test.each([["other"], []])("is told of when it is asked for beside %s", async (...known: string[]) => {
    const here = systemOf(known.map(() => other()));
    await expect(here.restore({ databases: ["db"] })).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("the store has backups of db"),
      hint: expect.stringContaining("platform export"),
    });
    await expect(here.restore({ databases: ["nobody's"] })).rejects.not.toMatchObject({
      hint: expect.stringContaining("platform export"),
    });
  });

  test("is told of when its container is gone", async () => {
    db.at("probe", () => {
      throw new BackupError("not-found", "there is no container", { hint: "look", details: { reference: "c" } });
    });
    expect((await system.restore()).databases[0]?.error).toMatchObject({
      reason: "not-found",
      hint: expect.stringMatching(/^look; where it is gone, .*platform export/),
    });
  });
});
