import type { Bytes } from "@sutazai/backup-core";
import { isBackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTar, type TarEntryType } from "../../src/index.ts";
import { archiveOf, at, collect, endMark, rawExtension, rawHeader, rawRecord, readAll } from "./archive.ts";

const everything: readonly TarEntryType[] = [
  "file",
  "link",
  "symlink",
  "character-device",
  "block-device",
  "directory",
  "fifo",
];
const linkTo = (name: string, flag: "1" | "2", target: string) =>
  rawHeader(name, { [at.typeFlag]: flag, [at.linkName]: target });
const directory = (name: string) => rawHeader(name, { [at.typeFlag]: "5" });
/** GNU's binary form of a number. */
const binary = (value: bigint) => {
  const field = Buffer.alloc(12);
  field[0] = 0x80;
  field.writeBigUInt64BE(value, 4);
  return field;
};

// Each with the offset that the error must name. All types are allowed, unless said otherwise.
const refused: readonly (readonly [what: string, offset: number, parts: readonly Uint8Array[]])[] = [
  ["an absolute name", 0, [rawHeader("/etc/passwd"), endMark]],
  ["an absolute name of slashes", 0, [directory("//"), endMark]],
  ["a name with ..", 512, [rawHeader("a"), rawHeader("b/../../c"), endMark]],
  ["the name ..", 0, [rawHeader(".."), endMark]],
  ["no name", 0, [rawHeader(""), endMark]],
  ["a file for the root", 0, [rawHeader("./."), endMark]],
  ["a zero byte in a name", 0, [rawExtension("x", rawRecord("path", "a\0b")), rawHeader("a"), endMark]],
  ["an extended name with ..", 0, [rawExtension("x", rawRecord("path", "../a")), rawHeader("a"), endMark]],
  ["a GNU long name with ..", 0, [rawExtension("L", "../a\0"), rawHeader("a"), endMark]],
  ["a name that comes twice", 512, [rawHeader("a"), rawHeader("a"), endMark]],
  ["a name that comes twice in other words", 512, [rawHeader("a/b"), rawHeader("./a//b"), endMark]],
  ["a file where a directory is implied", 512, [rawHeader("a/b"), rawHeader("a"), endMark]],
  ["a name below a file", 512, [rawHeader("a"), rawHeader("a/b"), endMark]],
  ["a name below a symbolic link", 512, [linkTo("a", "2", "b"), rawHeader("a/c"), endMark]],
  ["a symbolic link over an implied directory", 512, [rawHeader("a/b"), linkTo("a", "2", "c"), endMark]],
  ["an absolute symbolic link", 0, [linkTo("a", "2", "/etc/passwd"), endMark]],
  ["a symbolic link to the outside", 0, [linkTo("a/b", "2", "../../c"), endMark]],
  ["a symbolic link through another", 512, [linkTo("d/up", "2", ".."), linkTo("out", "2", "d/up/../etc"), endMark]],
  ["a symbolic link to nothing", 0, [linkTo("a", "2", ""), endMark]],
  ["a link to what did not come before", 0, [linkTo("a", "1", "b"), endMark]],
  ["a link to itself", 0, [linkTo("a", "1", "a"), endMark]],
  ["a link to the outside", 0, [linkTo("a", "1", "../b"), endMark]],
  ["a link through a symbolic link", 512, [linkTo("a", "2", "b"), linkTo("c", "1", "a"), endMark]],
  [
    "a directory with content",
    0,
    [rawHeader("a", { [at.typeFlag]: "5", [at.size]: "00000000001" }), Buffer.alloc(512), endMark],
  ],
  ["a size that is not octal", 0, [rawHeader("a", { [at.size]: "0000000009x" }), endMark]],
  ["a size beyond 2^53", 0, [rawHeader("a", { [at.size]: binary(2n ** 60n) }), endMark]],
  ["a negative size", 0, [rawHeader("a", { [at.size]: Buffer.alloc(12, 0xff) }), endMark]],
  ["a size that is larger than the rest", 1536, [rawHeader("a", { [at.size]: "00000010000" }), endMark]],
  ["a huge size within 2^53", 1536, [rawHeader("a", { [at.size]: binary(2n ** 52n) }), endMark]],
  [
    "a size that is smaller than the content",
    1024,
    [rawHeader("a", { [at.size]: "00000001000" }), Buffer.alloc(1024, "x"), endMark],
  ],
  ["an impossible time", 0, [rawHeader("a", { [at.mtime]: binary(2n ** 53n - 1n) }), endMark]],
  ["a wrong checksum", 512, [rawHeader("a"), Buffer.alloc(512, 1), endMark]],
  ["a header of neither format", 0, [rawHeader("a", { [at.magic]: "\0\0\0\0\0\0\0\0" }), endMark]],
  [
    "an extended header that is too large",
    0,
    [rawHeader("x", { [at.typeFlag]: "x", [at.size]: "77777777777" }), endMark],
  ],
  ["a huge GNU long name", 0, [rawHeader("x", { [at.typeFlag]: "L", [at.size]: binary(2n ** 52n) }), endMark]],
  ["an extended header of no entry", 1024, [rawExtension("x", rawRecord("path", "a")), endMark]],
  [
    "two extended headers",
    1024,
    [rawExtension("x", rawRecord("path", "a")), rawExtension("x", rawRecord("path", "b")), rawHeader("c"), endMark],
  ],
  ["a malformed extended header", 0, [rawExtension("x", "999 path=a\n"), rawHeader("c"), endMark]],
  ["an extended header whose length is none", 0, [rawExtension("x", "0 path=a\n"), rawHeader("c"), endMark]],
  ["a record without a line end", 0, [rawExtension("x", "9 path=ab"), rawHeader("c"), endMark]],
  [
    "an extended name that is not UTF-8",
    0,
    [rawExtension("x", Buffer.from("10 path=\xff\n", "latin1")), rawHeader("c"), endMark],
  ],
  ["an extended size that is not a number", 0, [rawExtension("x", rawRecord("size", "1e9")), rawHeader("c"), endMark]],
  ["an extended size that is negative", 0, [rawExtension("x", rawRecord("size", "-1")), rawHeader("c"), endMark]],
  ["an endless name", 0, [rawExtension("x", rawRecord("path", "a/".repeat(5000))), rawHeader("c"), endMark]],
  ["nothing at all", 0, []],
  ["no end mark", 512, [rawHeader("a")]],
  ["half an end mark", 1024, [rawHeader("a"), endMark.subarray(0, 512)]],
  ["an end mark that is cut", 1124, [rawHeader("a"), endMark.subarray(0, 612)]],
  ["another archive behind the end mark", 1536, [rawHeader("a"), endMark, rawHeader("b"), endMark]],
  ["a header behind one zero block", 1024, [rawHeader("a"), endMark.subarray(0, 512), rawHeader("b"), endMark]],
  ["junk behind the end mark", 10_000, [rawHeader("a"), Buffer.alloc(9_488), Buffer.from("junk")]],
];

describe("readTar", () => {
  it.each(refused)("refuses %s, naming byte %i", async (_what, offset, parts) => {
    await expect(readAll(Buffer.concat(parts), { types: everything })).rejects.toMatchObject({
      reason: "corrupt",
      details: { offset },
      hint: expect.any(String),
    });
  });

  it.each([
    ["character-device", "3"],
    ["block-device", "4"],
    ["fifo", "6"],
    ["symlink", "2"],
    ["link", "1"],
  ])("refuses a %s unless asked for", async (type, flag) => {
    const archive = Buffer.concat([rawHeader("file"), linkTo("a", flag as "1", "file"), endMark]);
    await expect(readAll(archive)).rejects.toMatchObject({
      reason: "corrupt",
      message: expect.stringContaining(type),
      details: { offset: 512 },
    });
  });

  it.each([
    ["a sparse file", "S", "a sparse file"],
    ["a volume label", "V", "volume label"],
    ["a part of another volume", "M", "multi-volume"],
    ["an unknown type", "Z", '"Z"'],
  ])("cannot read %s and says so, with its name", async (_what, flag, words) => {
    const archive = Buffer.concat([rawHeader("thing", { [at.typeFlag]: flag }), endMark]);
    await expect(readAll(archive)).rejects.toMatchObject({
      reason: "unsupported",
      message: expect.stringMatching(new RegExp(`"thing" is .*${words}`)),
    });
  });

  it("does not mangle a name that is not UTF-8", async () => {
    const archive = Buffer.concat([rawHeader("caf\xe9"), endMark]);
    await expect(readAll(archive)).rejects.toMatchObject({
      reason: "unsupported",
      message: expect.stringContaining("café"),
    });
  });

  it("takes what is unusual but sound", async () => {
    const archive = Buffer.concat([
      rawExtension("g", rawRecord("comment", "a global header") + rawRecord("uid", "7")),
      rawHeader("old directory/"),
      rawExtension("x", rawRecord("SCHILY.xattr.user.x", "\0binary\xff") + rawRecord("mtime", "1700000000.25")),
      rawHeader("contiguous", { [at.typeFlag]: "7", [at.uid]: Buffer.from([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]) }),
      rawHeader("before 1970", { [at.mtime]: Buffer.concat([Buffer.alloc(11, 0xff), Buffer.from([0xfe])]) }),
      linkTo("dir/pointer", "2", "../contiguous"),
      endMark,
      Buffer.alloc(7777),
    ]);
    const found = await readAll(archive, { types: everything });
    expect(found.map(({ name, type, uid, mtime }) => [name, type, uid, mtime.getTime() / 1000])).toEqual([
      ["old directory", "directory", 7, 0],
      ["contiguous", "file", 7, 1_700_000_000.25],
      ["before 1970", "file", 7, -2],
      ["dir/pointer", "symlink", 7, 0],
    ]);
  });

  it("says corrupt, with an offset inside, wherever an archive is cut", async () => {
    const archive = await archiveOf(
      { name: "a", content: Buffer.alloc(700, "a") },
      { name: "n".repeat(150), content: Buffer.from("long") },
    );
    for (let length = 0; length < archive.length; length++) {
      const error: unknown = await readAll(archive.subarray(0, length)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!isBackupError(error)) throw new Error(`not refused at ${length} bytes`, { cause: error });
      expect(error.reason).toBe("corrupt");
      expect(error.details["offset"]).toBeLessThanOrEqual(length);
    }
  });

  it("ends in order on any bytes, and fails only with a BackupError", async () => {
    const archive = await archiveOf({ name: "n".repeat(150), content: Buffer.alloc(700, "a") }, { name: "b" });
    const damagedArchive = fc
      .array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((flips) => {
        const bytes = Buffer.from(archive);
        for (const [offset, value] of flips) bytes[offset] = value;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 2000 }), damagedArchive), async (bytes) => {
        const error: unknown = await readAll(bytes, { types: everything }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error !== undefined && !isBackupError(error)) throw error;
      }),
      { numRuns: 500 },
    );
  });

  it("does not hold what it passes: a gigabyte of one file goes through one chunk at a time", async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    let alive = 0;
    let mostAlive = 0;
    const source = async function* (): Bytes {
      yield rawHeader("large", { [at.size]: (1024 * chunk.length).toString(8).padStart(11, "0") });
      for (let count = 0; count < 1024; count++) {
        mostAlive = Math.max(mostAlive, ++alive);
        yield chunk;
      }
      yield endMark;
    };
    let length = 0;
    for await (const entry of readTar(source())) {
      for await (const piece of entry.content) {
        length += piece.length;
        alive -= 1;
      }
    }
    expect(length).toBe(1024 * chunk.length);
    expect(mostAlive).toBe(1);
  });

  it("bounds what it remembers of names", async () => {
    const source = async function* (): Bytes {
      for (let index = 0; ; index++) {
        yield rawExtension("x", rawRecord("path", `${"n".repeat(4000)}${index}`));
        yield rawHeader("a");
      }
    };
    const reading = async (): Promise<void> => {
      for await (const entry of readTar(source())) await collect(entry.content);
    };
    await expect(reading()).rejects.toMatchObject({
      reason: "corrupt",
      message: expect.stringContaining("more names"),
    });
  }, 60_000);
});
