import { writeTar, type TarInput } from "@sutazai/backup-formats";
import { describe, expect, test } from "vitest";
import { classifyFailure } from "@sutazai/backup-containers";
import { ElementCount } from "../src/companion.ts";
import { faissAdapter } from "../src/index.ts";
import { inspectArtifact } from "../src/inspect.ts";
import { rulesOf } from "../src/options.ts";
import { readScript } from "../src/read-script.ts";

const signal = new AbortController().signal;
const rules = rulesOf({ directory: "/data" });
const inspect = (entries: readonly TarInput[]) => inspectArtifact("data.tar", writeTar(entries), rules, { signal });

describe("the elements of a JSON file", () => {
  test.each([
    ["[]", 0],
    ["{}", 0],
    [' [ "a" , {"b": [1, 2]}, [], null ] \n', 4],
    ['["a,b", "]", "\\"," ]', 3],
    ['{"a": 1, "b": [1, 2]}', 2],
    ["[1, 2", undefined],
    ['["a]', undefined],
    ["[1] 2", undefined],
    ["7", undefined],
    ["", undefined],
  ])("of %s are %s", (json, count) => {
    for (const pieces of [1, 3, 100]) {
      const counter = new ElementCount();
      for (let at = 0; at < json.length; at += pieces) counter.write(Buffer.from(json.slice(at, at + pieces)));
      expect(counter.end()).toBe(count);
    }
  });
});

describe("an archive of a set", () => {
  test("tells of every change in names, owners, modes, links and content", async () => {
    const file = (rest: Partial<TarInput> = {}): TarInput => ({ name: "a", content: Buffer.from("one"), ...rest });
    const variants: TarInput[][] = [
      [file()],
      [file({ name: "b" })],
      [file({ content: Buffer.from("two") })],
      [file({ mode: 0o600 })],
      [file({ uid: 1 })],
      [file(), { name: "c", type: "directory" }],
      [file(), { name: "c", type: "symlink", linkName: "a" }],
      [file(), { name: "c", type: "link", linkName: "a" }],
    ];
    const seen = await Promise.all(variants.map(async (entries) => JSON.stringify((await inspect(entries)).facts)));
    expect(new Set(seen).size).toBe(variants.length);
    expect(JSON.stringify((await inspect([file({ mtime: new Date(5000) })])).facts)).toBe(seen[0]);
  });

  test("is refused where it is hostile", async () => {
    const first = Buffer.concat(await all(writeTar([{ name: "safe", content: Buffer.from("x") }])));
    const named = (name: string) => {
      const tar = Buffer.from(first);
      tar.fill(0, 0, 100);
      tar.write(name, 0);
      tar.fill(0x20, 148, 156);
      const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      return tar;
    };
    for (const name of ["../up", "/etc/passwd", "a/../../b"]) {
      const attempt = inspectArtifact("data.tar", chunks([named(name)]), rules, { signal });
      await expect(attempt).rejects.toMatchObject({ reason: "corrupt" });
    }
    await expect(
      inspectArtifact("data.tar", chunks([first.subarray(0, 700)]), rules, { signal }),
    ).rejects.toMatchObject({ reason: "corrupt" });
    await expect(inspectArtifact("other", chunks([]), rules, { signal })).rejects.toMatchObject({
      reason: "not-found",
    });
  });

  test("with names of prototypes keeps them apart", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const { facts } = await inspect(names.map((name) => ({ name, content: Buffer.from(name) })));
    expect(
      Object.keys(facts)
        .filter((fact) => fact.startsWith("file:"))
        .sort(),
    ).toEqual(names.map((name) => `file:${name}`).sort());
  });
});

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const chunk of bytes) found.push(chunk);
  return found;
}

async function* chunks(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}

test("names are matched as a whole, and are quoted for the shell", () => {
  const { isExcluded, isIndex } = rulesOf({ directory: "/d", exclude: ["*.tmp", "it's"], indexes: ["a?.bin"] });
  expect(["x.tmp", "d/x.tmp", "x.tmp/y", "it's", "lost+found"].map(isExcluded)).toEqual([true, true, true, true, true]);
  expect(["x.tmpl", "xtmp", "its"].map(isExcluded)).toEqual([false, false, false]);
  expect(["ab.bin", "abc.bin", "a.bin", "abxbin"].map(isIndex)).toEqual([true, false, false, false]);
  expect(readScript(["it's"])).toContain(`--exclude='it'\\''s'`);
});

test.each([
  ["tar: x: Cannot write: No space left on device", "no-space"],
  ["mv: cannot move 'a': Device or resource busy", "unsupported"],
  ["tar: a: Cannot change ownership to uid 0: Operation not permitted", "permission"],
  ["sh: 1: cd: can't cd to /x: No such file or directory", "not-found"],
  ["mkdir: cannot create directory: Read-only file system", "permission"],
])("%s is %s", (stderr, reason) => {
  expect(classifyFailure({ stderr }, {})).toMatchObject({ reason, hint: expect.any(String) });
});

test("options that are none are told", () => {
  for (const options of [
    {},
    { container: "a", volume: "b" },
    { directory: "/x", exclude: ["a/b"] },
    { directory: "/x", unknown: 1 },
  ]) {
    expect(() => faissAdapter(options)).toThrow(expect.objectContaining({ reason: "configuration" }));
  }
  expect(classifyFailure({ stderr: "something else" }, {})).toBeUndefined();
});
