import { mkdtemp, rm, writeFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { beforeEach, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem, type Discovered } from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";
import { notifierTo, startReceiver, toldIn } from "../receiver.ts";

let directory: string;
let hook: Awaited<ReturnType<typeof startReceiver>>;
let check: Awaited<ReturnType<typeof startReceiver>>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "missing-"));
  hook = await startReceiver();
  check = await startReceiver();
  return () => rm(directory, { recursive: true, force: true });
});

const found: Discovered = { error: undefined, retired: [] };
const down = new BackupError("connection", "the Docker daemon does not answer");

/** A system of the databases that are there now; `discovery` is null where the configuration names them. */
function systemOf(names: readonly string[], discovery: Discovered | null = found): BackupSystem {
  const list = async () => {
    if (discovery?.error !== undefined) throw discovery.error;
    return [];
  };
  return createBackupSystem({
    databases: names.map((name) => new FakeDatabase(name, ["a"])),
    discovery: discovery ?? undefined,
    store: localStore({ path: join(directory, "store"), compression: "none" }),
    stateDirectory: join(directory, "state"),
    containers: { removeOrphans: async () => [], list } as unknown as ContainerRuntime,
    watch: {
      notifier: notifierTo(hook, check, join(directory, "state", "notifications")),
    },
  });
}

/** What was told since it was last asked. */
const news = () => toldIn(hook.requests.splice(0)).sort();
const lastPing = () => check.requests.at(-1)?.path.split("?")[0];

test("one that is there no more is told at once, and no run without it is whole, until it is back", async () => {
  await systemOf(["one", "two"]).backup();
  expect(news()).toEqual([]);
  await systemOf(["one"]).monitor();
  expect(news()).toEqual(["first missing:two"]);
  const report = await systemOf(["one"]).backup();
  expect(report).toMatchObject({
    status: "partial",
    databases: [
      { database: "one", status: "ok" },
      { database: "two", status: "failed", error: { reason: "not-found", hint: expect.stringContaining("retired") } },
    ],
  });
  expect(lastPing()).toBe("/ping/fail");
  // Nor is it forgotten by the next; nor by a backup of something else.
  expect((await systemOf(["one"]).backup()).status).toBe("partial");
  expect((await systemOf(["one"]).backup({ databases: ["one"] })).status).toBe("ok");
  expect(news()).toEqual([]);
  expect((await systemOf(["one", "two"]).backup()).status).toBe("ok");
  expect(lastPing()).toBe("/ping");
  expect(news()).toEqual(["resolved missing:two"]);
});

test.each<[string, Discovered | null]>([
  ["it has retired", { error: undefined, retired: ["two"] }],
  ["the configuration names what there is", null],
])("it is missed no more where %s", async (_, discovery) => {
  await systemOf(["one", "two"]).backup();
  await systemOf(["one"]).backup();
  expect(news()).toEqual(["first missing:two"]);
  const system = systemOf(["one"], discovery);
  expect((await system.backup()).status).toBe("ok");
  expect(lastPing()).toBe("/ping");
  expect(news()).toEqual(["resolved missing:two"]);
  // What is known of it since says nothing of today.
  expect((await system.report()).problems.filter(({ severity }) => severity === "critical")).toEqual([]);
});

test("while Docker does not answer none is missing: it is not asked for, and what is left is not all", async () => {
  await systemOf(["one", "two"]).backup();
  await systemOf(["one"]).monitor();
  expect(news()).toEqual(["first missing:two"]);
  // One is reached without Docker.
  const blind = systemOf(["one"], { error: down, retired: [] });
  const look = await blind.monitor();
  expect(look.problems.find(({ cause }) => cause === "docker")?.what).toContain("cannot be backed up: two");
  expect(news()).toEqual(["first docker"]);
  expect(await blind.backup()).toMatchObject({
    status: "partial",
    databases: [{ status: "ok" }, { database: "two", status: "failed", error: { reason: "connection" } }],
  });
  expect(lastPing()).toBe("/ping/fail");
  expect(news()).not.toContain("resolved missing:two");
});

test("where what was found before is not known, that is told, and nothing is over", async () => {
  await systemOf(["one", "two"]).backup();
  await systemOf(["one"]).monitor();
  const kept = join(directory, "state", "databases");
  for (const name of await readdir(kept)) await writeFile(join(kept, name), "{");
  hook.requests.length = 0;
  const look = await systemOf(["one"]).monitor();
  expect(look.notes).toEqual([expect.stringContaining("whether a database is missing could not be looked at")]);
  expect(news()).toEqual([]);
});
