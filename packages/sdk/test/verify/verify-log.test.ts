import { appendFile, cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackupEvent, ContainerRuntime, Store } from "@sutazai/backup-core";
import { beforeEach, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem } from "../../src/index.ts";
import { daily, fabricate } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";

const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;

let directory: string;
let store: Store;
let system: BackupSystem;
let events: BackupEvent[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "log-"));
  store = localStore({ path: join(directory, "store"), compression: "none" });
  events = [];
  system = systemOn("state");
  return () => rm(directory, { recursive: true, force: true });
});

const systemOn = (state: string) =>
  createBackupSystem({
    databases: [new FakeDatabase("db", ["one"])],
    store,
    containers: noDocker,
    stateDirectory: join(directory, state),
    onEvent: (event) => events.push(event),
  });
const logFile = () => join(directory, "store", "log.jsonl");
const folderOf = (id: string) => join(directory, "store", "db", id);
const warnings = () => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

test("each run tells the head, and the log holds it from then on", async () => {
  const first = await system.backup();
  const second = await system.backup();
  expect(events.flatMap((event) => (event.type === "run-end" ? [event.logHead] : []))).toEqual([
    first.logHead,
    second.logHead,
  ]);
  expect(first.logHead).toMatch(/^[0-9a-f]{64}$/);
  expect(second.logHead).toBe((await store.log()).at(-1)?.head);
  expect(await system.verifyLog({ head: first.logHead ?? "" })).toMatchObject({
    ok: true,
    entries: 2,
    head: second.logHead,
    compared: [
      { from: "given", head: first.logHead, entriesSince: 1 },
      { from: "kept", head: second.logHead, entriesSince: 0 },
    ],
    problems: [],
  });
  expect(warnings()).toEqual([]);
});

test("a log that was cut short is whole in itself: a head tells, and stays as evidence", async () => {
  await fabricate(store, daily(2));
  const { logHead } = await system.backup();
  const whole = await readFile(logFile(), "utf8");
  await rm(folderOf((await store.list()).at(-1)?.id ?? ""), { recursive: true });
  await writeFile(logFile(), `${whole.trimEnd().split("\n").slice(0, -1).join("\n")}\n`);

  expect(await systemOn("elsewhere").verifyLog()).toMatchObject({ ok: true, compared: [] });
  const kept = await system.verifyLog();
  expect(kept).toMatchObject({ ok: false, compared: [{ from: "kept" }] });
  expect(kept.problems).toEqual([expect.stringContaining("does not hold the head kept on this host")]);
  expect((await systemOn("third").verifyLog({ head: logHead ?? "" })).problems).toEqual([
    expect.stringContaining("does not hold the head given"),
  ]);

  await system.backup();
  expect(warnings()).toEqual([expect.stringContaining("no longer holds what it held")]);
  expect(await system.verifyLog()).toMatchObject({ ok: false });
  expect(await system.verifyLog({ accept: true })).toMatchObject({ ok: true });
  expect(await system.verifyLog()).toMatchObject({ ok: true, compared: [{ from: "kept" }] });
});

test("a backup that was never published, one that was deleted and is back, one that is gone, one that was moved", async () => {
  const [one, two, three] = await fabricate(store, daily(4));
  await cp(folderOf(one?.id ?? ""), join(directory, "kept"), { recursive: true });
  await system.prune({ rules: { days: 2 } });
  await cp(join(directory, "kept"), folderOf(one?.id ?? ""), { recursive: true });
  await rm(folderOf(two?.id ?? ""), { recursive: true });
  const strange = "20200101T000000.000Z-aaaaaa";
  await cp(folderOf(three?.id ?? ""), folderOf(strange), { recursive: true });
  const { ok, problems } = await system.verifyLog();
  expect(ok).toBe(false);
  expect(problems.toSorted()).toEqual(
    [
      `${strange} of db was never published here`,
      `${one?.id} of db was deleted at `,
      `${two?.id} of db, published at `,
    ].map((text) => expect.stringContaining(text)),
  );
});

test("a broken chain, whatever the heads; a backup goes on all the same", async () => {
  await system.backup();
  await appendFile(logFile(), "scribble\n");
  expect(await system.verifyLog()).toMatchObject({ ok: false, problems: [expect.stringContaining("line 2")] });
  const report = await system.backup();
  expect(report).toMatchObject({ status: "ok" });
  expect(report).not.toHaveProperty("logHead");
  expect(warnings()).toEqual([expect.stringContaining("line 2")]);

  await rename(logFile(), join(directory, "evidence"));
  await system.backup();
  expect(await system.verifyLog({ accept: true })).toMatchObject({ ok: true, entries: 3 });
});

test("what is no head is a mistake of whoever gives it", async () => {
  await expect(system.verifyLog({ head: "c0ffee" })).rejects.toMatchObject({ reason: "configuration" });
});
