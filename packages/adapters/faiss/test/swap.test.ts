import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, type ContainerRuntime, type JournalRecord } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faissAdapter } from "../src/index.ts";

const aside = ".sutazai-restore-x";
const old = { a: "old a", "b c": "old b", ".hidden": "old hidden" };
const fresh = { a: "new a", d: "new d", "..odd": "new odd" };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "faiss-swap-"));
  await write(directory, old);
  await mkdir(join(directory, aside, "new"), { recursive: true });
  await write(join(directory, aside, "new"), fresh);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function write(where: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(where, name), content);
}

async function content(): Promise<Record<string, string>> {
  const names = await readdir(directory);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")] as const)),
  );
}

async function settle(settlement: "undo" | "finish"): Promise<void> {
  const faiss = faissAdapter({ directory });
  // A directory of this host needs no containers.
  const context = { logger: silentLogger, containers: {} as ContainerRuntime, scratch: directory };
  const data = { place: { kind: "host", directory }, aside };
  const records: JournalRecord[] = ["swapped", "staged"].map((action) => ({ part: "faiss", action, data }));
  for (const record of records) {
    // Twice: who settles it may die as well.
    await faiss.recover(record, settlement, context);
    await faiss.recover(record, settlement, context);
  }
}

/** What the exchange does, one move after the other, as far as it got. */
async function exchange(moves: number): Promise<void> {
  const within = (...names: string[]) => join(directory, ...names);
  const steps: (() => Promise<void>)[] = [
    () => mkdir(within(aside, "old")),
    ...Object.keys(old).map((name) => () => rename(within(name), within(aside, "old", name))),
    () => writeFile(within(aside, "moved"), ""),
    ...Object.keys(fresh).map((name) => () => rename(within(aside, "new", name), within(name))),
  ];
  expect(moves).toBeLessThanOrEqual(steps.length);
  for (const step of steps.slice(0, moves)) await step();
}

describe("an exchange that died", () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])("after %i moves is undone", async (moves) => {
    await exchange(moves);
    await settle("undo");
    expect(await content()).toEqual(old);
  });

  test("when it was over and the restore had succeeded is finished", async () => {
    await exchange(8);
    await settle("finish");
    expect(await content()).toEqual(fresh);
  });

  test("is not undone by a version that does not know it", async () => {
    const context = { logger: silentLogger, containers: {} as ContainerRuntime, scratch: directory };
    const record = { part: "faiss", action: "unheard-of", data: {} };
    const attempt = faissAdapter({ directory }).recover(record, "undo", context);
    await expect(attempt).rejects.toMatchObject({ reason: "unsupported", database: "faiss" });
  });
});
