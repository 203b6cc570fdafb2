import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId, removeAbandoned } from "../src/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "durable-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("temporary files of a writer that died are removed once they are old, and nothing else ever", async () => {
  await mkdir(join(directory, "locks"));
  const left = [`state.json.${newId()}.tmp`, join("locks", `shared-${newId()}.json.tmp`)];
  const kept = [`fresh.json.${newId()}.tmp`, "a user's.tmp", "state.json"];
  const long = new Date(Date.now() - 7_200_000);
  for (const name of [...left, ...kept]) {
    await writeFile(join(directory, name), "{");
    if (!name.startsWith("fresh")) await utimes(join(directory, name), long, long);
  }
  expect((await removeAbandoned(directory)).toSorted()).toEqual(left.map((name) => join(directory, name)).toSorted());
  expect((await readdir(directory)).toSorted()).toEqual([...kept, "locks"].toSorted());
  expect(await removeAbandoned(join(directory, "nowhere"))).toEqual([]);
});
