import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DatabaseAdapter, RestoreFacts } from "@sutazai/backup-core";
import type { MemoryBackup } from "@sutazai/backup-testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faissAdapter } from "../src/index.ts";
import { operations } from "./operation.ts";

const way = { form: "data", method: "replace", only: undefined };
const articles = { "articles.json": "one", "shared/articles.json": "two" };
const users = { "users.json": "three", "shared/users.json": "four", "shared/users.d/names.json": "five" };
const service = { stop: ["true"], start: ["true"] };

let scratch: string;
let directory: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "faiss-two-sets-"));
  directory = join(scratch, "data");
  await write({ ...articles, ...users });
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
}

async function present(): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = async (path: string) => [path.slice(directory.length + 1), await readFile(path, "utf8")] as const;
  return Object.fromEntries(await Promise.all(paths.map(read)));
}

const { operate, backUp } = operations(() => join(scratch, "state"));

function restore(adapter: DatabaseAdapter, backup: MemoryBackup, keep = true): Promise<RestoreFacts> {
  return operate(adapter, (context) => adapter.restore(context, backup, way), keep);
}

const planOf = (adapter: DatabaseAdapter, { manifest }: MemoryBackup) =>
  operate(adapter, (context) => adapter.planRestore(context, manifest, way));

describe("two sets in one directory, kept apart by what each excludes", () => {
  const ofArticles = () => faissAdapter({ directory, service, exclude: ["users*"] });
  const ofUsers = () => faissAdapter({ directory, service, exclude: ["articles*"] });
  const later = { "users.json": "changed", "shared/users.d/more.json": "made since" };

  test("are restored one by one: the other is untouched, and so it is where the restore is undone", async () => {
    const backup = await backUp(ofArticles());
    await write({ ...later, "articles.json": "changed", "shared/articles-2.json": "made since" });
    const before = await present();
    await restore(ofArticles(), backup, false);
    expect(await present()).toEqual(before);
    const { steps, warnings } = await planOf(ofArticles(), backup);
    expect(steps.join("\n")).toMatch(/leave as it is.*users\*/);
    expect(warnings).toEqual([]);
    await restore(ofArticles(), backup);
    expect(await present()).toEqual({ ...articles, ...users, ...later });
  });

  test("are both restored, one after the other", async () => {
    const [first, second] = [await backUp(ofArticles()), await backUp(ofUsers())];
    await rm(directory, { recursive: true });
    await mkdir(directory);
    await restore(ofArticles(), first);
    await restore(ofUsers(), second);
    expect(await present()).toEqual({ ...articles, ...users });
  });

  test("leave alone what lies in a directory that the backup does not have", async () => {
    await rm(join(directory, "shared"), { recursive: true });
    const backup = await backUp(ofArticles());
    await write(users);
    await restore(ofArticles(), backup);
    expect(await present()).toEqual({ "articles.json": "one", ...users });
  });

  test("where the backup is from before they were set apart: what the settings leave out is not restored, and told", async () => {
    const backup = await backUp(faissAdapter({ directory, service }));
    await write(later);
    expect((await planOf(ofArticles(), backup)).warnings).toEqual([expect.stringMatching(/leaves out more than when/)]);
    await restore(ofArticles(), backup);
    expect(await present()).toEqual({ ...articles, ...users, ...later });
  });

  test("where the backup is from when they were apart: what it left out stays as well", async () => {
    const backup = await backUp(ofArticles());
    await write(later);
    await restore(faissAdapter({ directory, service }), backup);
    expect(await present()).toEqual({ ...articles, ...users, ...later });
  });
});

test("a reading that breaks off is incomplete; only what no archive may hold is unsupported", async () => {
  const faiss = faissAdapter({ directory, service });
  const bin = join(scratch, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "tar"), `#!/bin/sh\n/bin/tar "$@" | head -c 2500\n`, { mode: 0o755 });
  const path = process.env["PATH"];
  process.env["PATH"] = `${bin}:${path}`;
  try {
    await expect(backUp(faiss)).rejects.toMatchObject({
      reason: "incomplete",
      message: expect.stringMatching(/not read to their end/),
    });
  } finally {
    process.env["PATH"] = path;
  }
  await symlink("/etc/passwd", join(directory, "outside"));
  await expect(backUp(faiss)).rejects.toMatchObject({
    reason: "unsupported",
    message: expect.stringMatching(/"outside" is refused/),
    hint: expect.stringContaining("exclude"),
  });
});

test("a name that is left out is looked for in each directory, never across several", async () => {
  await write({ "archive/today.log": "kept", "a.log": "left out", "a[1].bin": "left out", "a1.bin": "kept" });
  const exclude = ["a*.log", "a[1].bin"];
  const backup = await backUp(faissAdapter({ directory, service, exclude }));
  await write({ "archive/today.log": "changed", "a.log": "stays", "a[1].bin": "stays", "a1.bin": "changed" });
  await restore(faissAdapter({ directory, service, exclude }), backup);
  expect(await present()).toMatchObject({
    "archive/today.log": "kept",
    "a.log": "stays",
    "a[1].bin": "stays",
    "a1.bin": "kept",
  });
});
