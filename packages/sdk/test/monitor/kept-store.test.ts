import { cp, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ContainerRuntime } from "@sutazai/backup-core";
import { beforeEach, describe, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem } from "../../src/index.ts";
import { never } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";
import { notifierTo, startReceiver, toldIn } from "../receiver.ts";

let directory: string;
let path: string;
let hook: Awaited<ReturnType<typeof startReceiver>>;
let check: Awaited<ReturnType<typeof startReceiver>>;
let system: BackupSystem;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kept-store-"));
  path = join(directory, "store");
  hook = await startReceiver();
  check = await startReceiver();
  system = systemAt(path);
  return () => rm(directory, { recursive: true, force: true });
});

function systemAt(where: string): BackupSystem {
  return createBackupSystem({
    databases: [new FakeDatabase("db", ["a"])],
    store: localStore({ path: where, compression: "none" }),
    stateDirectory: join(directory, "state"),
    containers: { removeOrphans: async () => [], list: async () => [] } as unknown as ContainerRuntime,
    watch: {
      notifier: notifierTo(hook, check, join(directory, "state", "notifications")),
    },
  });
}

const told = () => toldIn(hook.requests);
const causes = async () =>
  (await system.look()).problems.map(({ cause }) => cause).filter((cause) => cause !== "unencrypted");

describe("a store that held something and holds nothing", () => {
  test.each([
    ["empty, as below a mount that is missing", () => mkdir(path)],
    ["not there at all", async () => undefined],
  ])("%s: nothing is written into it, and everybody hears", async (_, leave) => {
    for (let run = 0; run < 3; run += 1) await system.backup();
    await rename(path, join(directory, "unmounted"));
    await leave();
    await expect(system.backup()).rejects.toMatchObject({
      reason: "refused",
      hint: expect.stringContaining("verify --log --accept"),
    });
    expect(await readdir(path).catch(() => [])).toEqual([]);
    expect(check.requests.at(-1)?.path).toContain("/ping/fail");
    expect(told()).toContain("first store-lost");
    await expect(system.prune()).rejects.toMatchObject({ reason: "refused" });
    expect(await system.monitor()).toMatchObject({ status: "critical" });
    expect(await causes()).toEqual(expect.arrayContaining(["store-lost"]));

    // Mounted again, it is over, and was no new store.
    await rm(path, { recursive: true, force: true });
    await rename(join(directory, "unmounted"), path);
    expect((await system.backup()).databases[0]?.backup?.sequence).toBe(4);
    expect(told()).toContain("resolved store-lost");
    expect(await causes()).toEqual([]);
  });

  test("is a new one where somebody says so", async () => {
    await system.backup();
    await rm(path, { recursive: true });
    expect(await system.verifyLog({ accept: true })).toMatchObject({ ok: true, entries: 0 });
    expect(await system.backup()).toMatchObject({ status: "ok" });
    expect(await causes()).toEqual([]);
  });

  test("is no matter where the store has moved, or was never used", async () => {
    await system.backup();
    expect(await systemAt(join(directory, "elsewhere")).backup()).toMatchObject({ status: "ok" });
    await cp(path, join(directory, "moved"), { recursive: true });
    await rm(path, { recursive: true });
    expect((await systemAt(join(directory, "moved")).backup()).databases[0]?.backup?.sequence).toBe(2);
  });
});

test("a store that was rolled back is told until that is accepted; a backup goes on in it", async () => {
  await system.backup();
  await cp(path, join(directory, "older"), { recursive: true });
  await system.backup();
  await rm(path, { recursive: true });
  await rename(join(directory, "older"), path);
  expect(await causes()).toEqual(["store-lost"]);
  expect(await system.backup()).toMatchObject({ status: "ok" });
  expect(await causes()).toEqual(["store-lost"]);
  await system.verifyLog({ accept: true });
  expect(await causes()).toEqual([]);
});

test("a backup that is gone without having been deleted is told; one that was deleted is not", async () => {
  const [first, second] = [await system.backup(), await system.backup()];
  await system.backup();
  await rm(join(path, "db", first.databases[0]?.backup?.id ?? ""), { recursive: true });
  expect(await causes()).toEqual(["gone:db"]);
  // What is being deleted at this moment is gone before its line is in the log.
  {
    await using _lock = await system.store.lock("exclusive", { wait: false, signal: never });
    const look = await system.look();
    expect(look.isLogCompared).toBe(false);
    expect(look.problems.map(({ cause }) => cause)).not.toContain("gone:db");
  }
  await system.monitor();
  expect(told()).toEqual(["first gone:db"]);
  expect((await system.verifyLog()).ok).toBe(false);
  expect((await system.verifyLog({ accept: true })).ok).toBe(true);
  await system.monitor();
  expect(told().slice(1)).toEqual(["resolved gone:db"]);
  // Later runs keep what was accepted, and nothing else is.
  await system.backup();
  expect(await causes()).toEqual([]);
  expect((await system.verifyLog()).ok).toBe(true);
  await rm(join(path, "db", (await system.backup()).databases[0]?.backup?.id ?? ""), { recursive: true });
  expect(await causes()).toEqual(["gone:db"]);
  expect(second.status).toBe("ok");
});
