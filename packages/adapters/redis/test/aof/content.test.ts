import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isBackupError } from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import { expect, test } from "vitest";
import { CommandLogParser } from "../../src/aof/commands.ts";
import { parseManifest } from "../../src/aof/manifest.ts";
import { inspectArtifact } from "../../src/inspect.ts";
import { pieces } from "../rdb/builder.ts";

const select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
const set = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n";
const base = readFileSync(join(import.meta.dirname, "..", "fixtures", "compact.rdb"));
const manifest = "file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i startoffset 70\n";
const context = { details: null, signal: new AbortController().signal };

function logOf(text: string, size: number = 3): ReturnType<CommandLogParser["end"]> {
  const parser = new CommandLogParser();
  const content = Buffer.from(text);
  for (let start = 0; start < content.length; start += size) parser.write(content.subarray(start, start + size));
  return parser.end();
}

test("commands are counted, but for those that only frame others", () => {
  const text = `${select}#TS:1700000000\r\n${set}*1\r\n$5\r\nMULTI\r\n${set}*1\r\n$4\r\nEXEC\r\n`;
  expect(logOf(text)).toEqual({ commands: 2, complete: text.length, bytes: text.length });
});

test("what is cut off at the end is told: within a command, within a transaction", () => {
  for (let cut = 1; cut < set.length; cut++) {
    expect(logOf(select + set.slice(0, cut))).toMatchObject({ complete: select.length, commands: 0 });
  }
  expect(logOf(`${select}*1\r\n$5\r\nMULTI\r\n${set}`).complete).toBe(select.length);
});

test.each(["SET k v\r\n", "*0\r\n", "*2\r\n:1\r\n", "*1\r\n$3\r\nGETX\r\n", `*${"9".repeat(2000)}`])(
  "%j is corrupt",
  (text) => {
    expect(() => logOf(text)).toThrow(expect.objectContaining({ reason: "corrupt" }));
  },
);

test("manifests: what is none, and names that lead elsewhere", () => {
  expect(parseManifest(manifest).map(({ role }) => role)).toEqual(["base", "increment"]);
  expect(() => parseManifest("file x seq one type b")).toThrow(expect.objectContaining({ reason: "corrupt" }));
  for (const name of ["../x", '"a b"', ".."]) {
    expect(() => parseManifest(`file ${name} seq 1 type b`)).toThrow(
      expect.objectContaining({ reason: "unsupported" }),
    );
  }
});

async function inspect(entries: { name: string; content: Buffer }[]): Promise<unknown> {
  return inspectArtifact("appendonly.tar", writeTar(entries), context).catch((error: unknown) => {
    if (!isBackupError(error)) throw error;
    return error.reason;
  });
}

test("a set with nothing after its base settles all facts; one with commands none", async () => {
  const files = (log: string) => [
    { name: "a.aof.manifest", content: Buffer.from(manifest) },
    { name: "a.aof.1.base.rdb", content: base },
    { name: "a.aof.1.incr.aof", content: Buffer.from(log) },
  ];
  const rdb = await inspectArtifact("dump.rdb", pieces(base, 65_536), context);
  expect(await inspect(files(select))).toEqual(rdb);
  expect(await inspect(files(select + set))).toEqual({ facts: {} });
  expect(await inspect(files(select).slice(0, 2))).toBe("corrupt");
  expect(await inspect(files(select).slice(1))).toBe("corrupt");
  expect(await inspect([...files(select), { name: "more", content: Buffer.from("") }])).toBe("corrupt");
  expect(await inspect(files(`${select}junk`))).toBe("corrupt");
});

test("an artifact that no backup of Redis has", async () => {
  await expect(inspectArtifact("other", pieces(base, 9), context)).rejects.toMatchObject({ reason: "not-found" });
});
