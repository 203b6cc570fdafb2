import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JournalRecord, RecovererLookup, Settlement } from "@sutazai/backup-core";
import { dockerRuntime, standaloneContext } from "@sutazai/backup-containers";
import { afterAll, beforeAll, expect, test } from "vitest";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "containers-test-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function recording(): { readonly lookup: RecovererLookup; readonly settled: [string, Settlement][] } {
  const settled: [string, Settlement][] = [];
  const recover = async (record: JournalRecord, settlement: Settlement) => {
    settled.push([record.action, settlement]);
  };
  return { lookup: () => ({ recover }), settled };
}

// Where no daemon is: an adapter that needs none must not miss it.
const options = () => ({
  stateDirectory: directory,
  containers: dockerRuntime({ socketPath: join(directory, "nobody.sock") }),
});

test("disposing undoes what was begun, newest first, and leaves no file", async () => {
  const { lookup, settled } = recording();
  const context = await standaloneContext(lookup, options());
  await context.journal.record({ part: "db", action: "first", data: null });
  await context.journal.record({ part: "db", action: "second", data: null });
  await access(context.scratch);
  await context[Symbol.asyncDispose]();
  expect(settled).toEqual([
    ["second", "undo"],
    ["first", "undo"],
  ]);
  await expect(access(context.scratch)).rejects.toThrow("ENOENT");
});

test("after a commit it is finished", async () => {
  const { lookup, settled } = recording();
  {
    await using context = await standaloneContext(lookup, options());
    await context.journal.record({ part: "db", action: "act", data: null });
    await context.commit();
  }
  expect(settled).toEqual([["act", "finish"]]);
});
