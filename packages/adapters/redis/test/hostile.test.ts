import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isBackupError, type Bytes } from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import { byteChanges, changedBytes } from "@sutazai/backup-testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CommandLogParser } from "../src/aof/commands.ts";
import { formatManifest, parseManifest } from "../src/aof/manifest.ts";
import { inspectArtifact } from "../src/inspect.ts";
import { fingerprintOf } from "../src/rdb/content.ts";
import { Crc64 } from "../src/rdb/crc64.ts";
import { RdbParser } from "../src/rdb/parser.ts";
import { length, pieces, text, uint32, ziplist } from "./rdb/builder.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const samples = readdirSync(fixtures)
  .filter((name) => name.endsWith(".rdb"))
  .map((name) => readFileSync(join(fixtures, name)));
const mebibyte = 1024 * 1024;
const context = { details: null, signal: new AbortController().signal };

/** What reading comes to: a result, or the reason why it was refused. Anything but a BackupError fails the test. */
async function outcomeOf<T>(read: () => T | Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    if (isBackupError(error)) return error.reason;
    throw error;
  }
}

function reasonOf(outcome: unknown): string {
  return typeof outcome === "string" ? outcome : "read";
}

function factsOf(content: Uint8Array, size: number): ReturnType<typeof fingerprintOf> {
  const parser = new RdbParser();
  for (let start = 0; start < content.length; start += size) parser.write(content.slice(start, start + size));
  return fingerprintOf(parser.end());
}

/** With the checksum that goes with its content, so that only the content itself can be what is refused. */
function checksummed(content: Uint8Array): Buffer {
  const body = content.subarray(0, Math.max(0, content.length - 8));
  const crc = new Crc64();
  crc.update(body);
  return Buffer.concat([body, uint32(crc.low >>> 0), uint32(crc.high >>> 0)]);
}

const lies = fc.constantFrom(
  Buffer.from([0x80, 0x7f, 0xff, 0xff, 0xff]),
  Buffer.from([0x80, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x81, 0, 0x20, 0, 0, 0, 0, 0, 0]),
  Buffer.from([0x81, 0x10, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xc3, 0x80, 0xff, 0xff, 0xff, 0xff, 0x80, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xc3, 5, 0x41, 0x90]),
  Buffer.from([0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0, 0, 0, 0]),
  Buffer.from([0x7f, 0xff]),
  Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff]),
  ...Array.from({ length: 13 }, (_, index) => Buffer.from([243 + index])),
  ...Array.from({ length: 26 }, (_, index) => Buffer.from([index])),
);
const mutated = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...byteChanges), fc.nat(100), lies), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([sample, changes]) => changedBytes(sample, changes, 9));

describe("a hostile RDB", () => {
  test("of any change, its checksum made right again, is refused or read, and alike however it is cut", async () => {
    let read = 0;
    await fc.assert(
      fc.asyncProperty(mutated, fc.integer({ min: 60, max: 4_000 }), async (bytes, size) => {
        const content = checksummed(bytes);
        const whole = await outcomeOf(() => factsOf(content, content.length));
        expect(["read", "corrupt", "unsupported"]).toContain(reasonOf(whole));
        if (typeof whole !== "string") read += 1;
        expect(await outcomeOf(() => factsOf(content, size))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
    // Otherwise the property would say little: about one in twelve, of whatever seed.
    expect(read).toBeGreaterThan(0);
  }, 60_000);

  test.each([
    ["a string", Buffer.concat([Buffer.from([0]), text("k")])],
    ["the name of a key", Buffer.from([0])],
    ["a list's element", Buffer.concat([Buffer.from([1]), text("k"), length(1)])],
    ["a hash's field", Buffer.concat([Buffer.from([4]), text("k"), length(1)])],
    ["a ziplist", Buffer.concat([Buffer.from([10]), text("k")])],
    ["a list's node", Buffer.concat([Buffer.from([18]), text("k"), length(1), length(1)])],
    ["a stream's node", Buffer.concat([Buffer.from([15]), text("k"), length(1), text(Buffer.alloc(16))])],
    ["a module's string", Buffer.concat([Buffer.from([7]), text("k"), length(1), length(5)])],
    ["an auxiliary field", Buffer.from([250])],
    ["a function", Buffer.from([245])],
  ])("of a terabyte in %s is held nowhere, and refused at its end", async (_, before) => {
    const parser = new RdbParser();
    const claims = Buffer.from([0x81, 0, 0, 1, 0, 0, 0, 0, 0]);
    const chunk = Buffer.alloc(mebibyte, 1);
    const used = process.memoryUsage().arrayBuffers;
    const outcome = await outcomeOf(() => {
      parser.write(Buffer.concat([Buffer.from("REDIS0012"), before, claims]));
      for (let count = 0; count < 16; count++) parser.write(chunk);
      expect(process.memoryUsage().arrayBuffers - used).toBeLessThan(24 * mebibyte);
      parser.end();
    });
    expect(outcome).toBe("corrupt");
  });

  test.each([1, 2, 3, 4, 5, 9, 14, 15, 17, 18, 19, 21, 22, 24, 25])(
    "of 2^52 elements in a value of type %i ends where there are no more",
    async (type) => {
      const head = Buffer.concat([
        Buffer.from("REDIS0012"),
        Buffer.from([type]),
        text("k"),
        Buffer.from([0x81, 0, 0x10, 0, 0, 0, 0, 0, 0]),
      ]);
      for (const filling of [0, 1, 2, 0x40]) {
        const content = Buffer.concat([head, Buffer.alloc(100_000, filling)]);
        expect(await outcomeOf(() => factsOf(content, 4_096))).toBe("corrupt");
      }
    },
  );

  test("that expands goes through in pieces: 64 MiB from three quarters of one", async () => {
    const references = Math.floor((64 * mebibyte) / 264);
    const packed = Buffer.concat([Buffer.from([0, 120]), Buffer.alloc(references * 3)]);
    for (let index = 0; index < references; index++) packed.set([0xe0, 255, 0], 2 + index * 3);
    const head = [Buffer.from("REDIS0012"), Buffer.from([0]), text("k"), Buffer.from([0xc3])];
    const content = Buffer.concat([...head, length(packed.length), length(references * 264 + 1), packed]);
    const used = process.memoryUsage().arrayBuffers;
    const parser = new RdbParser();
    for (let start = 0; start < content.length; start += 65_536) parser.write(content.subarray(start, start + 65_536));
    expect(process.memoryUsage().arrayBuffers - used).toBeLessThan(24 * mebibyte);
    parser.write(Buffer.concat([Buffer.from([255]), Buffer.alloc(8)]));
    expect(parser.end().databases.get(0)?.keys).toBe(1);
  });

  test("of databases without number is refused before they fill the memory", async () => {
    const outcome = await outcomeOf(() => {
      const parser = new RdbParser();
      parser.write(Buffer.from("REDIS0012"));
      for (let index = 0; index < 1_000_000; index++) {
        parser.write(Buffer.concat([Buffer.from([254]), length(index), Buffer.from([0]), text("k"), text("v")]));
      }
    });
    expect(outcome).toBe("corrupt");
  });
});

describe("a hostile AOF", () => {
  const words = fc.constantFrom(
    "*1\r\n",
    "*3\r\n",
    "*1048576\r\n",
    "*9007199254740993\r\n",
    "*-1\r\n",
    "$3\r\nSET\r\n",
    "$1\r\nk\r\n",
    "$0\r\n\r\n",
    "$9007199254740991\r\n",
    "$99999999999999999999\r\n",
    "$-1\r\n",
    "$5\r\nMULTI\r\n",
    "$4\r\nEXEC\r\n",
    "#TS:1\r\n",
    "\r\n",
    "\n",
    "*",
  );
  const logs = fc.array(fc.oneof(words, fc.string({ maxLength: 3 })), { maxLength: 30 }).map((parts) => parts.join(""));
  const lines = fc.array(
    fc.oneof(
      fc.constantFrom(
        "file a.1.base.rdb seq 1 type b",
        "file a.1.incr.aof seq 1 type i",
        "file ../a seq 1 type i",
        "file /etc/passwd seq 1 type i",
        "file . seq 1 type b",
        'file "a b" seq 1 type i',
        `file a seq ${"9".repeat(400)} type i`,
        "file a seq 1 type h",
        "# comment",
        "\r",
        "\0",
      ),
      fc.string({ maxLength: 10 }),
    ),
    { maxLength: 6 },
  );

  test("of any commands is counted or refused, alike however it is cut, and counts no byte it was not given", async () => {
    const read = (bytes: Buffer, size: number) => {
      const parser = new CommandLogParser();
      for (let start = 0; start < bytes.length; start += size) parser.write(bytes.subarray(start, start + size));
      return parser.end();
    };
    await fc.assert(
      fc.asyncProperty(logs, fc.integer({ min: 1, max: 20 }), async (log, size) => {
        const bytes = Buffer.from(log);
        const whole = await outcomeOf(() => read(bytes, bytes.length + 1));
        expect(await outcomeOf(() => read(bytes, size))).toEqual(whole);
        expect(["read", "corrupt"]).toContain(reasonOf(whole));
        if (typeof whole === "string") return;
        expect(whole.bytes).toBe(bytes.length);
        expect(whole.complete).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test("of a word without an end is held nowhere", () => {
    const parser = new CommandLogParser();
    parser.write(Buffer.from("*2\r\n$9007199254740991\r\n"));
    const chunk = Buffer.alloc(mebibyte);
    const used = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 128; count++) parser.write(chunk);
    expect(process.memoryUsage().arrayBuffers - used).toBeLessThan(24 * mebibyte);
    expect(parser.end()).toMatchObject({ complete: 0, commands: 0 });
  });

  test("has a manifest of any lines that is refused, or names plain files that come back as they are", async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (all) => {
        const files = await outcomeOf(() => parseManifest(all.join("\n")));
        expect(["read", "corrupt", "unsupported"]).toContain(reasonOf(files));
        if (typeof files === "string") return;
        for (const { name } of files) expect(name).not.toMatch(/[/\\\s]|^\.\.?$/);
        expect(parseManifest(formatManifest(files))).toEqual(files);
      }),
      { numRuns: 1_000 },
    );
  });

  test("has a manifest whose lines look like two, again and again, refused at once", async () => {
    // A megabyte of it kept the pattern busy for minutes.
    const line = `file a${" seq 1 type b".repeat(80_000)}  x`;
    expect(await outcomeOf(() => parseManifest(line))).toBe("corrupt");
  });

  test("is refused as an artifact, or settles facts, whatever its files are", async () => {
    const names = fc.constantFrom("a.manifest", "a.1.base.rdb", "a.1.incr.aof", "d/a.1.incr.aof", "x");
    const content = fc.oneof(
      lines.map((all) => Buffer.from(all.join("\n"))),
      logs.map((log) => Buffer.from(log)),
      mutated,
      fc.constantFrom(...samples),
    );
    const entries = fc.uniqueArray(fc.record({ name: names, content }), { selector: ({ name }) => name, maxLength: 4 });
    const manifest = {
      name: "a.manifest",
      content: Buffer.from("file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n"),
    };
    await fc.assert(
      fc.asyncProperty(entries, fc.boolean(), async (given, withManifest) => {
        const files = withManifest ? [manifest, ...given.filter(({ name }) => name !== manifest.name)] : given;
        const outcome = await outcomeOf(() => inspectArtifact("appendonly.tar", writeTar(files), context));
        expect(["read", "corrupt", "unsupported"]).toContain(reasonOf(outcome));
      }),
      { numRuns: 300 },
    );
  });
});

test("an artifact of any name and content ends in order", async () => {
  const names = fc.oneof(fc.constantFrom("dump.rdb", "appendonly.tar", "__proto__", "../dump.rdb"), fc.string());
  await fc.assert(
    fc.asyncProperty(names, fc.oneof(mutated, fc.uint8Array()), async (name, bytes) => {
      const content: Bytes = pieces(bytes, 1_000);
      const outcome = await outcomeOf(() => inspectArtifact(name, content, context));
      expect(["read", "corrupt", "unsupported", "not-found"]).toContain(reasonOf(outcome));
    }),
    { numRuns: 300 },
  );
});

test("a ziplist within a string of its own length, in pieces, is a sample these tests change", async () => {
  const list = ziplist("a", "b".repeat(300));
  const content = Buffer.concat([
    Buffer.from("REDIS0012"),
    Buffer.from([10]),
    text("k"),
    text(list),
    Buffer.from([255]),
    Buffer.alloc(8),
  ]);
  expect(await outcomeOf(() => factsOf(checksummed(content), 1))).toMatchObject({ "db:0/type:list": { exact: 1 } });
});
