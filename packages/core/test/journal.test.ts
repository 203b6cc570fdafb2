import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal, silentLogger, type JournalRecord, type RecoveryContext, type Settlement } from "../src/index.ts";

let directory: string;
let settled: string[];
const context: RecoveryContext = { logger: silentLogger, containers: undefined as never, scratch: "/nonexistent" };
const recoverer = {
  recover: async ({ action }: JournalRecord, settlement: Settlement) => {
    if (action === "stubborn") throw new Error("will not");
    settled.push(`${settlement} ${action}`);
  },
};
const lookup = () => recoverer;
const record = (action: string): JournalRecord => ({ part: "db", action, data: { any: ["json", 1] } });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "journal-"));
  settled = [];
});
afterEach(() => rm(directory, { recursive: true }));

const files = () => readdir(directory);

test("settles newest first, and leaves no file", async () => {
  const operation = await new Journal(directory).begin({ command: "restore", database: "db" }, lookup, context);
  expect(await files()).toEqual([]);
  await operation.record(record("first"));
  await operation.record(record("second"));
  expect(await files()).toEqual([`${operation.id}.json`]);
  await operation.close("undo");
  expect(settled).toEqual(["undo second", "undo first"]);
  expect(await files()).toEqual([]);
});

test("a record that was settled on its own is not settled again", async () => {
  const operation = await new Journal(directory).begin({ command: "backup", database: "db" }, lookup, context);
  const entry = await operation.record(record("paused"));
  await entry.settle("finish");
  await entry.settle("finish");
  expect(await files()).toEqual([]);
  await operation.close("undo");
  expect(settled).toEqual(["finish paused"]);
});

test("records made at the same time are all on disk", async () => {
  const operation = await new Journal(directory).begin({ command: "backup", database: "db" }, lookup, context);
  await Promise.all(["a", "b", "c"].map((action) => operation.record(record(action))));
  const file = JSON.parse(await readFile(join(directory, `${operation.id}.json`), "utf8"));
  expect(file.records.map(({ action }: JournalRecord) => action)).toEqual(["a", "b", "c"]);
  expect((await stat(join(directory, `${operation.id}.json`))).mode & 0o777).toBe(0o600);
  await operation.close("finish");
});

test("stops at a record that cannot be settled, gives the operation up, and a later one settles the rest", async () => {
  const journal = new Journal(directory);
  const operation = await journal.begin({ command: "restore", database: "db" }, lookup, context);
  await operation.record(record("first"));
  await operation.record(record("stubborn"));
  await operation.record(record("last"));
  await expect(operation.close("undo")).rejects.toMatchObject({ reason: "restore-failed", database: "db" });
  expect(settled).toEqual(["undo last"]);

  const [found] = await journal.list();
  expect(found).toMatchObject({ liveness: "dead", settlement: "undo" });
  expect(found?.records.map(({ action }) => action)).toEqual(["first", "stubborn"]);
  const willing = { recover: async ({ action }: JournalRecord) => void settled.push(action) };
  await journal.settle(found!, () => willing, context);
  expect(settled).toEqual(["undo last", "stubborn", "first"]);
  expect(await files()).toEqual([]);
});

test("what a killed process left is found dead and undone; what it had committed is finished", async () => {
  const leave = async (commit: boolean) => {
    const script = `
      import { Journal } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
      const operation = await new Journal(${JSON.stringify(directory)}).begin({ command: "restore", database: "db" }, () => ({}), {});
      await operation.record({ part: "db", action: "stopped", data: null });
      if (${commit}) await operation.commit();
      process.stdout.write("ready");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return child;
  };
  const journal = new Journal(directory);
  for (const [commit, expected] of [
    [false, "undo stopped"],
    [true, "finish stopped"],
  ] as const) {
    settled = [];
    const child = await leave(commit);
    const [alive] = await journal.list();
    expect(alive?.liveness).toBe("alive");
    await expect(journal.settle(alive!, lookup, context)).rejects.toMatchObject({ reason: "locked" });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    const [dead] = await journal.list();
    expect(dead?.liveness).toBe("dead");
    await journal.settle(dead!, lookup, context);
    expect(settled).toEqual([expected]);
  }
});

test("what keeps writers out is undone last, after a look at what was put back; so also by a later process", async () => {
  const journal = new Journal(directory);
  const operation = await journal.begin({ command: "restore", database: "db" }, lookup, context);
  await operation.record(record("fence"));
  await operation.guard({ fence: 1, backup: "safety" });
  await operation.record(record("change"));
  await operation.record(record("stubborn"));
  await expect(operation.undo()).rejects.toMatchObject({ reason: "restore-failed" });

  const [found] = await journal.list();
  const willing = { recover: async ({ action }: JournalRecord) => void settled.push(action) };
  await journal.settle(
    found!,
    () => willing,
    context,
    async ({ backup }) => void settled.push(`look at ${backup}`),
  );
  expect(settled).toEqual(["stubborn", "change", "look at safety", "fence"]);
});

test("a damaged journal is an error that names the file, never ignored", async () => {
  await writeFile(join(directory, "x.json"), '{"version":1');
  await expect(new Journal(directory).list()).rejects.toMatchObject({
    reason: "corrupt",
    message: expect.stringContaining("x.json"),
  });
});

test("a journal that was never used is empty", async () => {
  expect(await new Journal(join(directory, "none")).list()).toEqual([]);
});
