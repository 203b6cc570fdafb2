import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, type BackupEvent, type ContainerRuntime } from "@sutazai/backup-core";
import { failing, FaultyDisk, faultyStore, StoreFaults } from "@sutazai/backup-testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem } from "../src/index.ts";
import { FakeDatabase } from "./fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;

let directory: string;
let events: BackupEvent[];
let faults: StoreFaults;
let db: FakeDatabase;
let system: BackupSystem;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sdk-giving-back-"));
  events = [];
  faults = new StoreFaults();
  db = new FakeDatabase("db", ["one", "two"]);
  system = createBackupSystem({
    databases: [db],
    store: faultyStore(localStore({ path: join(directory, "store"), compression: "none" }), faults),
    containers: noDocker,
    stateDirectory: join(directory, "state"),
    onEvent: (event) => events.push(event),
  });
  await system.backup();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const warnings = () => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
const newest = async () => (await system.list()).at(-1)?.id ?? "";

const operations: Readonly<Record<string, () => Promise<unknown>>> = {
  backup: async () => (await system.backup()).status,
  restore: async () => (await system.restore()).databases[0]?.state,
  drill: async () => (await system.drill()).databases[0]?.verdict,
  verify: async () => (await system.verify()).map(({ ok }) => ok),
  "verify --log": async () => (await system.verifyLog()).ok,
  prune: async () => (await system.prune()).status,
  pin: async () => system.pin(await newest(), { reason: "kept" }),
};
const outcomes = {
  backup: "ok",
  restore: "restored",
  drill: "undecided", // These cannot be drilled.
  verify: [true],
  "verify --log": true,
  prune: "ok",
  pin: undefined,
};

test.each(Object.keys(outcomes) as (keyof typeof outcomes)[])(
  "the store's lock that cannot be given back takes nothing from what a %s came to",
  async (operation) => {
    faults.queue("release", failing("EIO"));
    expect(await operations[operation]?.()).toEqual(outcomes[operation]);
    expect(faults.happened).toBe(1);
    expect(warnings()).toEqual(["the lock of the store could not be cleared away: EIO: injected"]);
  },
);

test("nor do the lock of the database and the scratch directory of a restore", async () => {
  using disk = await FaultyDisk.at(join(directory, "state"));
  const duration = async (call: () => Promise<unknown>) => {
    disk.failEvery(["remove"], failing("EIO"));
    return call();
  };
  faults.queue("annotate", duration, 1); // After the safety backup's: the last thing that is done.
  const { databases } = await system.restore();
  expect(databases[0]).toMatchObject({ status: "ok", state: "restored" });
  expect(warnings()).toEqual([
    expect.stringMatching(/^the lock of fake:\/\/db could not be cleared away: EIO/),
    expect.stringMatching(/^the scratch directory .* could not be cleared away: EIO/),
  ]);
});

test("what could not be given back is in nobody's way", async () => {
  {
    using disk = await FaultyDisk.at(join(directory, "store", ".locks"));
    disk.failEvery(["remove"], failing("EIO"));
    await system.verify();
  }
  expect(await system.store.lockHolders()).toMatchObject([{ mode: "shared", liveness: "dead" }]);
  expect((await system.prune()).status).toBe("ok");
  expect(await system.store.lockHolders()).toEqual([]);
});

test("a backup that was made is named, also where the server could not be left as it was found", async () => {
  db.at(
    "backup",
    async (context) => void (await context?.journal.record({ part: "db", action: "fenced", data: null })),
  );
  db.at("recover", () => {
    throw new BackupError("connection", "the server is gone");
  });
  const [result] = (await system.backup()).databases;
  expect(result).toMatchObject({
    status: "failed",
    backup: { id: await newest() },
    error: { reason: "restore-failed", message: expect.stringContaining("the server is gone") },
  });
});
