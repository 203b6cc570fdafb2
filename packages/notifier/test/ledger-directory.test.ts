import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { admit, type Ledger } from "../src/ledger.ts";
import { LedgerDirectory } from "../src/ledger-directory.ts";
import { notice, recordingChannel, scratch } from "./support.ts";

// Real files and processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const onDamage = (error: Error): void => {
  throw error;
};

function add(ledger: Ledger, cause: string): { ledger: Ledger; result: number } {
  const added = admit(ledger, recordingChannel(), { ...notice, cause }, { now: new Date(), reminderMs: 1000 });
  return { ledger: added.ledger, result: added.ledger.topics.length };
}

test("what is changed is there for others, and old generations go", async () => {
  const path = join(await scratch(), "state");
  const directory = new LedgerDirectory(path);
  expect((await directory.read()).topics).toStrictEqual([]);
  for (let index = 0; index < 40; index += 1)
    await directory.update((ledger) => add(ledger, `cause ${index}`), onDamage);
  expect((await new LedgerDirectory(path).read()).topics.length).toBe(40);
  expect((await readdir(path)).length).toBeLessThan(20);
});

test("many at once in this process: nothing is lost", async () => {
  const path = await scratch();
  const causes = Array.from({ length: 12 }, (_, index) => `cause ${index}`);
  await Promise.all(causes.map((cause) => new LedgerDirectory(path).update((ledger) => add(ledger, cause), onDamage)));
  const { topics } = await new LedgerDirectory(path).read();
  expect(topics.map(({ cause }) => cause).sort()).toStrictEqual(causes.sort());
});

test("two processes at once: nothing is lost", async () => {
  const path = await scratch();
  const program = fileURLToPath(new URL("ledger-writer.ts", import.meta.url));
  const writers = ["one", "other"].map((name) =>
    spawn(process.execPath, [program, path, name, "25"], { stdio: "inherit" }),
  );
  const codes = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0] as number));
  expect(codes).toStrictEqual([0, 0]);
  expect((await new LedgerDirectory(path).read()).topics.length).toBe(50);
});

test("what a killed process left half-written is not read, and cleared away in time", async () => {
  const path = await scratch();
  const old = join(path, "staged-20200101T000000.000Z-abcdef");
  await writeFile(old, "half");
  await utimes(old, 0, 0);
  const directory = new LedgerDirectory(path);
  for (let index = 0; index < 20; index += 1)
    await directory.update((ledger) => add(ledger, `cause ${index}`), onDamage);
  expect((await readdir(path)).filter((name) => name.startsWith("staged-"))).toStrictEqual([]);
  expect((await directory.read()).topics.length).toBe(20);
});

test("a process that slept through many changes does not put back what it knew", async () => {
  const path = await scratch();
  const directory = new LedgerDirectory(path);
  await directory.update((ledger) => add(ledger, "first"), onDamage);
  // While one is about to write the second generation, another writes forty.
  let slept = false;
  const late = (ledger: Ledger): { ledger: Ledger; result: number } => {
    if (!slept) {
      slept = true;
      writeGenerations(path, ledger, 42);
    }
    return add(ledger, "late");
  };
  await directory.update(late, onDamage);
  const causes = (await directory.read()).topics.map(({ cause }) => cause);
  expect(causes).toStrictEqual(["first", "meanwhile", "late"]);
});

/** As another process would leave it: only the newest generations are there. */
function writeGenerations(path: string, ledger: Ledger, newest: number): void {
  const { topics } = add(ledger, "meanwhile").ledger;
  const content = JSON.stringify({ format: "sutazai-backup-notices", version: 1, topics });
  for (let generation = newest - 15; generation <= newest; generation += 1) {
    writeFileSync(join(path, `notices-${String(generation).padStart(9, "0")}.json`), content);
  }
}
