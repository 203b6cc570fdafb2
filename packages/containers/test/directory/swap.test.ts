import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exchangeFiles, planSwap, recoverStaged, undoSwap } from "../../src/index.ts";

// A directory of this host needs no containers.
const containers = {} as ContainerRuntime;
const { signal } = new AbortController();

type Tree = Readonly<Record<string, string>>;

let scratch: string;
let directory: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "swap-"));
  directory = join(scratch, "data");
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function write(where: string, files: Tree): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(where, name)), { recursive: true });
    await writeFile(join(where, name), content);
  }
}

/** Every file beneath, and every directory that is empty. */
async function treeOf(where: string): Promise<Record<string, string>> {
  const entries = await readdir(where, { recursive: true, withFileTypes: true });
  const found = entries.map(async (entry): Promise<[string, string][]> => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(where.length + 1);
    if (entry.isSymbolicLink()) return [[name, `-> ${await readlink(path)}`]];
    if (entry.isDirectory()) return (await readdir(path)).length === 0 ? [[`${name}/`, ""]] : [];
    return [[name, await readFile(path, "utf8")]];
  });
  return Object.fromEntries((await Promise.all(found)).flat());
}

const kept = ["*.tmp", "it's [B]*", "?"];
const theirs = {
  "a.tmp": "at the top",
  "it's [B] too": "a name for a shell",
  "sub/b.tmp": "beneath",
  "sub/deeper/it's [B]/c": "in a directory",
  "only here/x y/d.tmp": "where the backup has nothing",
  "sub/x": "one letter",
};
const ours = { one: "old", ".hidden": "old", "sub/two": "old", "sub/deeper/three": "old", "only here/four": "old" };
const fresh = { one: "new", "sub/two": "new", "sub/deeper/five": "new" };

async function ready(): Promise<ReturnType<typeof planSwap>> {
  const swap = planSwap({ kind: "host", directory }, "x", false, kept);
  await write(directory, { ...theirs, ...ours });
  await write(join(directory, swap.aside, "new"), fresh);
  return swap;
}

test("an exchange takes all that there is, and undoing puts all of it back", async () => {
  const swap = planSwap({ kind: "host", directory }, "x");
  const fill = async (): Promise<void> => {
    await write(directory, { ...theirs, ...ours });
    await write(join(directory, swap.aside, "new"), fresh);
  };
  await fill();
  expect(await exchangeFiles(containers, swap, signal)).toEqual([]);
  await undoSwap(containers, swap);
  await recoverStaged(containers, swap);
  expect(await treeOf(directory)).toEqual({ ...theirs, ...ours });
  await fill();
  await exchangeFiles(containers, swap, signal);
  await recoverStaged(containers, swap);
  expect(await treeOf(directory)).toEqual(fresh);
});

describe("an exchange that leaves some names alone", () => {
  test("exchanges all others, and tells which directories are there for them only", async () => {
    const swap = await ready();
    await chmod(join(directory, "only here"), 0o700);
    expect(await exchangeFiles(containers, swap, signal)).toEqual(["only here", "only here/x y"]);
    await recoverStaged(containers, swap);
    expect(await treeOf(directory)).toEqual({ ...theirs, ...fresh });
  });

  test("is undone wherever it died, and the undoing wherever it died as well", async () => {
    // The nth file that is moved is the last; whoever calls sees its tool fail, as after a crash.
    const bin = join(scratch, "bin");
    await mkdir(bin);
    const counting = `#!/bin/sh
echo >> '${scratch}/moves'
[ "$(wc -l < '${scratch}/moves')" -le "$MOVES" ] || exit 1
exec /bin/mv "$@"
`;
    await writeFile(join(bin, "mv"), counting, { mode: 0o755 });
    const path = process.env["PATH"];
    const within = async (moves: number, work: () => Promise<unknown>): Promise<boolean> => {
      process.env["PATH"] = `${bin}:${path}`;
      process.env["MOVES"] = String(moves);
      await rm(join(scratch, "moves"), { force: true });
      try {
        await work();
        return true;
      } catch {
        return false;
      } finally {
        process.env["PATH"] = path;
        delete process.env["MOVES"];
      }
    };
    let deaths = 0;
    for (let moves = 0; ; moves += 1) {
      const swap = await ready();
      const isDone = await within(moves, () => exchangeFiles(containers, swap, signal));
      await within(moves % 4, () => undoSwap(containers, swap));
      await undoSwap(containers, swap);
      await recoverStaged(containers, swap);
      expect(await treeOf(directory), `after ${moves} moves`).toEqual({ ...theirs, ...ours });
      await rm(directory, { recursive: true });
      if (isDone) break;
      deaths += 1;
    }
    // Four old entries of the top, two new ones, four that are carried.
    expect(deaths).toBeGreaterThanOrEqual(9);
  }, 60_000);

  test("is refused where there is no place for what stays, and undone", async () => {
    for (const inTheWay of ["file", "link"]) {
      const swap = await ready();
      const where = join(directory, swap.aside, "new", "only here");
      await (inTheWay === "file" ? writeFile(where, "a file") : symlink("sub", where));
      await expect(exchangeFiles(containers, swap, signal)).rejects.toThrow(/only here/);
      await undoSwap(containers, swap);
      await recoverStaged(containers, swap);
      expect(await treeOf(directory)).toEqual({ ...theirs, ...ours });
      await rm(directory, { recursive: true });
    }
  });
});
