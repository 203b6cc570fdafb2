import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import type { Bytes } from "@sutazai/backup-core";
import fc from "fast-check";
import { extract, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTar, type TarInput, writeTar } from "../../src/index.ts";
import { archiveOf, collect, readAll, streamOf } from "./archive.ts";

const run = promisify(execFile);

const segment = fc
  .oneof(fc.string({ minLength: 1, maxLength: 12 }), fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }))
  .filter((name) => name.isWellFormed() && !/[/\0]/.test(name) && name !== "." && name !== "..");
const file = fc.record({
  name: fc.oneof(
    fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/")),
    fc.integer({ min: 90, max: 300 }).map((length) => `d/${"n".repeat(length)}`),
  ),
  content: fc.uint8Array({ maxLength: 1500 }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.nat(), fc.constantFrom(0, 999, 0o7777777, 0o10000000, 0xffffffff)),
  gid: fc.nat(),
  mtime: fc.integer({ min: -1_000_000_000, max: 10_000_000_000 }).map((seconds) => new Date(seconds * 1000)),
});
/** Files that can stand beside each other: no name is given twice, and none goes through another. */
const files = fc
  .uniqueArray(file, { selector: ({ name }) => name.split("/")[0], maxLength: 6 })
  .map((all) => all.map((one) => ({ ...one, content: Buffer.from(one.content) })));

describe("writeTar and readTar", () => {
  it("give back what went in, however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 2000 }), async (entries, chunkLength) => {
        const archive = await archiveOf(...entries);
        expect(archive.length % 512).toBe(0);
        expect(await readAll(archive, { chunkLength })).toEqual(
          entries.map((entry) => ({ ...entry, type: "file", size: entry.content.length })),
        );
      }),
    );
  });

  it("keep directories and links", async () => {
    const entries: TarInput[] = [
      { name: "data", type: "directory", mode: 0o700, uid: 999, gid: 999 },
      { name: "data/file", content: Buffer.from("content") },
      { name: "data/second name", type: "link", linkName: "data/file" },
      { name: "data/deep/er/pointer", type: "symlink", linkName: "../../file" },
      { name: "data/long", type: "symlink", linkName: `x/${"y".repeat(200)}` },
    ];
    const types = ["file", "directory", "link", "symlink"] as const;
    const found = await readAll(await archiveOf(...entries), { types });
    expect(found.map(({ name, type, linkName, mode, uid }) => ({ name, type, linkName, mode, uid }))).toEqual([
      { name: "data", type: "directory", linkName: undefined, mode: 0o700, uid: 999 },
      { name: "data/file", type: "file", linkName: undefined, mode: 0o644, uid: 0 },
      { name: "data/second name", type: "link", linkName: "data/file", mode: 0o644, uid: 0 },
      { name: "data/deep/er/pointer", type: "symlink", linkName: "../../file", mode: 0o644, uid: 0 },
      { name: "data/long", type: "symlink", linkName: `x/${"y".repeat(200)}`, mode: 0o644, uid: 0 },
    ]);
  });

  it("pass entries from one archive to another as streams", async () => {
    const archive = await archiveOf(
      { name: "a", content: Buffer.from("first") },
      { name: "b", content: Buffer.alloc(700, "b") },
    );
    expect(await collect(writeTar(readTar(streamOf(archive, 100))))).toEqual(archive);
  });

  it("skip content that nobody reads, or reads in part", async () => {
    const archive = await archiveOf(
      { name: "unread", content: Buffer.alloc(100_000) },
      { name: "begun", content: Buffer.alloc(100_000) },
      { name: "last", content: Buffer.from("read") },
    );
    const begun: string[] = [];
    for await (const { name, content } of readTar(streamOf(archive, 1000))) {
      if (name === "unread") continue;
      for await (const chunk of content) {
        begun.push(`${name}: ${Buffer.from(chunk.subarray(0, 4)).toString()}`);
        break;
      }
    }
    expect(begun).toEqual(["begun: \0\0\0\0", "last: read"]);
  });

  it("refuse to give content of an entry that was passed, instead of giving none", async () => {
    const archive = await archiveOf({ name: "a", content: Buffer.from("first") }, { name: "b" });
    let passed: Bytes = streamOf(archive);
    for await (const { name, content } of readTar(streamOf(archive))) {
      if (name === "a") passed = content;
    }
    await expect(collect(passed)).rejects.toThrow(/passed/);
  });

  it("release the source when the reader leaves early, also amid a content", async () => {
    const archive = await archiveOf({ name: "a", content: Buffer.alloc(5000) });
    let released = 0;
    const source = async function* (): Bytes {
      try {
        yield* streamOf(archive, 512);
      } finally {
        released += 1;
      }
    };
    for await (const _entry of readTar(source())) break;
    expect(released).toBe(1);
    for await (const entry of readTar(source())) {
      for await (const _chunk of entry.content) break;
      break;
    }
    expect(released).toBe(2);
  });

  it("pass on what the source throws", async () => {
    const archive = await archiveOf({ name: "a", content: Buffer.alloc(5000) });
    const failure = new Error("connection lost");
    const source = async function* (): Bytes {
      yield archive.subarray(0, 1000);
      throw failure;
    };
    const reading = async (): Promise<void> => {
      for await (const entry of readTar(source())) await collect(entry.content);
    };
    await expect(reading()).rejects.toBe(failure);
  });
});

describe("writeTar", () => {
  it.each([
    ["a stream that is shorter", 10, 9],
    ["a stream that is longer", 10, 11],
  ])("refuses %s than announced", async (_what, size, given) => {
    const entry = { name: "a", size, content: streamOf(Buffer.alloc(given), 4) };
    await expect(archiveOf(entry)).rejects.toMatchObject({ reason: "mismatch" });
  });

  it.each<[string, ...TarInput[]]>([
    ["an absolute name", { name: "/etc/passwd" }],
    ["a name with ..", { name: "a/../b" }],
    ["a name given twice", { name: "a" }, { name: "./a" }],
    ["a stream without a size", { name: "a", content: streamOf(Buffer.alloc(1)) }],
    ["a directory with content", { name: "a", type: "directory", content: Buffer.alloc(1) }],
    ["a mode out of range", { name: "a", mode: 0o100644 }],
    ["an impossible time", { name: "a", mtime: new Date(Number.NaN) }],
  ])("refuses %s", async (_what, ...entries) => {
    await expect(archiveOf(...entries)).rejects.toMatchObject({ reason: "unsupported" });
  });
});

describe("tar-stream", () => {
  it("reads what writeTar wrote", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (entries) => {
        const found: { name: string; content: Buffer }[] = [];
        const reader = Readable.from([await archiveOf(...entries)]).pipe(extract());
        for await (const entry of reader)
          found.push({ name: entry.header.name, content: await collect(Readable.from(entry)) });
        expect(found).toEqual(entries.map(({ name, content }) => ({ name, content })));
      }),
    );
  });

  it("writes what readTar reads", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (entries) => {
        const writer = pack();
        for (const { name, content } of entries) writer.entry({ name }, content);
        writer.finalize();
        const found = await readAll(await collect(Readable.from(writer)));
        expect(found.map(({ name, content }) => ({ name, content }))).toEqual(
          entries.map(({ name, content }) => ({ name, content })),
        );
      }),
    );
  });
});

describe("GNU tar", () => {
  let directory: string;
  const longName = `${"long".repeat(30)}/${"name".repeat(40)}`;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "tar-test-"));
    await mkdir(join(directory, "in", longName, ".."), { recursive: true });
    await writeFile(join(directory, "in/plain"), "content", { mode: 0o640 });
    await writeFile(join(directory, "in", longName), "long");
    await writeFile(join(directory, "in/Füße 日本"), "unicode");
    await symlink("plain", join(directory, "in/pointer"));
    await utimes(join(directory, "in/plain"), 1_700_000_000, 1_700_000_000);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(["gnu", "pax", "ustar", "oldgnu"])("writes what readTar reads (%s)", async (format) => {
    const names = format === "ustar" ? ["plain", "Füße 日本", "pointer"] : ["."];
    const { stdout } = await run(
      "tar",
      [`--format=${format}`, "--numeric-owner", "-C", join(directory, "in"), "-cf", "-", ...names],
      {
        encoding: "buffer",
      },
    );
    const found = new Map(
      (await readAll(stdout, { types: ["file", "directory", "symlink"] })).map((entry) => [entry.name, entry]),
    );
    expect(found.get("plain")).toMatchObject({
      content: Buffer.from("content"),
      mode: 0o640,
      mtime: new Date(1_700_000_000_000),
    });
    expect(found.get("Füße 日本")?.content.toString()).toBe("unicode");
    expect(found.get("pointer")).toMatchObject({ type: "symlink", linkName: "plain" });
    if (format === "ustar") return;
    expect(found.get(longName)?.content.toString()).toBe("long");
    expect(found.get(".")?.type).toBe("directory");
  });

  it.each([["gnu"], ["pax"]])("'s sparse files are refused by name (%s)", async (format) => {
    const sparse = join(directory, "sparse");
    await writeFile(sparse, "start");
    await truncate(sparse, 4 * 1024 * 1024);
    const { stdout } = await run("tar", [`--format=${format}`, "--sparse", "-C", directory, "-cf", "-", "sparse"], {
      encoding: "buffer",
    });
    await expect(readAll(stdout)).rejects.toMatchObject({
      reason: "unsupported",
      message: expect.stringMatching(/sparse.* is a sparse file/),
    });
  });

  it("unpacks what writeTar wrote", async () => {
    const archive = join(directory, "out.tar");
    const target = join(directory, "out");
    await mkdir(target);
    await writeFile(
      archive,
      await archiveOf(
        { name: "folder", type: "directory", mode: 0o750 },
        { name: longName, content: Buffer.from("long") },
        { name: "folder/Füße 日本", content: Buffer.from("unicode"), mode: 0o600, mtime: new Date(5_000_000_000_000) },
        { name: "folder/pointer", type: "symlink", linkName: "../elsewhere" },
      ),
    );
    await run("tar", ["--no-same-owner", "-C", target, "-xpf", archive]);
    expect(await readFile(join(target, longName), "utf8")).toBe("long");
    expect((await stat(join(target, "folder"))).mode & 0o7777).toBe(0o750);
    const unicode = await stat(join(target, "folder/Füße 日本"));
    expect([unicode.mode & 0o7777, unicode.mtimeMs]).toEqual([0o600, 5_000_000_000_000]);
    expect(await readlink(join(target, "folder/pointer"))).toBe("../elsewhere");
  });
});
