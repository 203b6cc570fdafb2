import { readFileSync } from "node:fs";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { isBackupError, type Bytes } from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import { changedBytes, type ByteChange } from "@sutazai/backup-testkit";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { readExport } from "../src/content/export-file.ts";
import { readDump } from "../src/dump/dump-file.ts";
import { inspectArtifact } from "../src/inspect.ts";

const mebibyte = 1024 ** 2;
const magic = Buffer.from("DZV1");
const headerLength = 24;
const { signal } = new AbortController();

/** What reading comes to: a result, or the reason why it was refused. Anything but a BackupError fails the test. */
async function outcomeOf<T>(read: () => Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    if (isBackupError(error)) return error.reason;
    throw error;
  }
}

async function* pieces(content: Uint8Array, size: number): Bytes {
  for (let at = 0; at < content.length; at += size) yield Buffer.from(content.subarray(at, at + size));
}

function changesWith(lies: fc.Arbitrary<Buffer>): fc.Arbitrary<ByteChange[]> {
  const how = fc.constantFrom("flip", "cut", "lose", "double", "overwrite" as const);
  return fc.array(fc.tuple(fc.nat(), how, fc.nat(100), lies), { minLength: 1, maxLength: 3 });
}

/** However it is cut it must come to the same; returns that. */
async function expectAlike<T>(
  read: (content: Buffer, size: number) => Promise<T | string>,
  content: Buffer,
  size: number,
) {
  const whole = await read(content, Math.max(1, content.length));
  expect(await read(content, size)).toEqual(whole);
  expect(typeof whole === "string" ? whole : "corrupt").toBe("corrupt");
  return whole;
}

describe("a hostile dump", () => {
  const real = readFileSync(new URL("fixtures/graph.dump", import.meta.url));
  let inside: Buffer;
  beforeAll(async () => {
    const files = [
      { name: "database/neostore", content: Buffer.alloc(700, 1) },
      { name: "transaction/neostore.transaction.db.0", content: Buffer.from("log") },
    ];
    const chunks: Uint8Array[] = [header(files.length, 703)];
    for await (const chunk of writeTar(files)) chunks.push(chunk);
    inside = Buffer.concat(chunks);
  });

  function header(files: number, bytes: number): Buffer {
    const head = Buffer.alloc(headerLength);
    head.write("zstd");
    head.writeInt32BE(1, 4);
    head.writeBigInt64BE(BigInt(files), 8);
    head.writeBigInt64BE(BigInt(bytes), 16);
    return head;
  }

  /** With a frame that goes with its content, so that only the content itself can be what is refused. */
  const framed = (content: Uint8Array) => Buffer.concat([magic, zstdCompressSync(content)]);
  const read = (content: Uint8Array, size: number) => outcomeOf(() => readDump(pieces(content, size), signal));

  test("of any change within, its frame made right again, is refused or read, and alike however it is cut", async () => {
    const lies = fc.constantFrom(
      Buffer.from("77777777777"),
      Buffer.from("-1"),
      Buffer.from([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from("../../etc/passwd\0"),
      Buffer.from("99999999999 path="),
      Buffer.alloc(512),
      Buffer.from("x"),
      Buffer.from("g"),
    );
    let refused = 0;
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(changesWith(lies), fc.integer({ min: 1, max: 300 }), async (changes, size) => {
        const outcome = await expectAlike(read, framed(changedBytes(inside, changes)), size);
        if (typeof outcome === "string") refused += 1;
        else taken += 1;
      }),
      { numRuns: 300 },
    );
    // Otherwise the property would say little.
    expect(Math.min(refused, taken)).toBeGreaterThan(0);
  }, 60_000);

  test("of any change to a real one is refused, or holds what it held", async () => {
    const held = await read(real, real.length);
    const changes = changesWith(fc.uint8Array({ minLength: 1, maxLength: 12 }).map((lie) => Buffer.from(lie)));
    await fc.assert(
      fc.asyncProperty(changes, fc.integer({ min: 500, max: 5_000 }), async (given, size) => {
        expect([held, "corrupt"]).toContainEqual(await expectAlike(read, changedBytes(real, given), size));
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  test("of any bytes is refused, with the magic before them or without", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, hasMagic) => {
        expect(await expectAlike(read, Buffer.concat(hasMagic ? [magic, bytes] : [bytes]), 3)).toBe("corrupt");
      }),
      { numRuns: 300 },
    );
  });

  test("that expands goes through in pieces: 256 MiB of a file from some kilobytes", async () => {
    const size = 256 * mebibyte;
    async function* file(): Bytes {
      for (let at = 0; at < size; at += mebibyte) yield Buffer.alloc(mebibyte);
    }
    const chunks: Uint8Array[] = [header(1, size)];
    for await (const chunk of writeTar([{ name: "database/neostore", size, content: file() }])) chunks.push(chunk);
    const bomb = framed(Buffer.concat(chunks));
    chunks.length = 0;
    expect(bomb.length).toBeLessThan(mebibyte);
    let most = 0;
    const used = process.memoryUsage().arrayBuffers;
    async function* watched(): Bytes {
      for await (const piece of pieces(bomb, 64)) {
        most = Math.max(most, process.memoryUsage().arrayBuffers - used);
        yield piece;
      }
    }
    expect(await readDump(watched(), signal)).toEqual({ files: 1, bytes: size });
    expect(most).toBeLessThan(64 * mebibyte);
  }, 60_000);
});

describe("a hostile export", () => {
  const sample = [
    '{"export":"neo4j","version":1,"database":"neo4j"}',
    '{"schema":"a","statement":"CREATE RANGE INDEX `a` FOR (n:`A`) ON (n.`x`)"}',
    '{"node":"0","labels":["A","ü"],"properties":{"x":{"integer":"1"},"t":"text"}}',
    '{"node":"7","labels":[],"properties":{}}',
    '{"relationship":"R","start":"0","end":"7","properties":{"w":{"float":"0.5"}}}',
    '{"nodes":2,"relationships":1,"dangling":0}',
  ];
  const read = (content: Uint8Array, size: number) =>
    outcomeOf(async () => (await readExport(pieces(content, size), signal)).fingerprint);

  test("of any change is refused or read, and alike however it is cut", async () => {
    const lies = fc.constantFrom(
      ...['"', "\n", "\\", "{", "}", "null", "9999999999999999999", "-1", "1e9", '"\\ud800"'].map((lie) =>
        Buffer.from(lie),
      ),
      Buffer.from([0xc3]),
      Buffer.from([0]),
    );
    const text = Buffer.from(`${sample.join("\n")}\n`);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(changesWith(lies), fc.integer({ min: 1, max: 40 }), async (changes, size) => {
        if (typeof (await expectAlike(read, changedBytes(text, changes), size)) !== "string") taken += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test("of any lines is refused, or counts what is in it", async () => {
    const lines = fc.array(
      fc.oneof(
        fc.constantFrom(
          ...sample,
          '{"node":"1","labels":["__proto__"],"properties":{"__proto__":{"integer":"1"}}}',
          '{"node":"9999999999999999999","labels":[],"properties":{}}',
          '{"node":"01","labels":[],"properties":[]}',
          '{"relationship":"constructor","start":"5","end":"6","properties":{}}',
          '{"nodes":0,"relationships":0,"dangling":0}',
          '{"nodes":1,"relationships":1,"dangling":null}',
          '{"nodes":-1,"relationships":1e99,"dangling":0.5}',
          "",
          "[]",
          "null",
        ),
        fc.json(),
      ),
      { maxLength: 8 },
    );
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 60 }), async (middle, size) => {
        const all = [sample[0] ?? "", ...middle];
        const nodes = middle.filter((line) => line.startsWith('{"node":')).length;
        const relationships = middle.filter((line) => line.startsWith('{"relationship":'));
        const ids = new Set(middle.map((line) => /^{"node":"(\d+)"/.exec(line)?.[1]));
        const dangling = relationships.filter((line) => {
          const [, start, end] = /"start":"(\d+)","end":"(\d+)"/.exec(line) ?? [];
          return !ids.has(start) || !ids.has(end);
        }).length;
        const end = JSON.stringify({ nodes, relationships: relationships.length, dangling });
        const outcome = await expectAlike(read, Buffer.from(`${[...all, end].join("\n")}\n`), size);
        if (typeof outcome === "string") return;
        taken += 1;
        expect(outcome["database:neo4j/nodes"]).toMatchObject({ exact: expect.stringContaining(`${nodes}`) });
        const counted = Object.entries(outcome).filter(([name]) => name.includes("/relationships:"));
        const sum = counted.reduce((total, [, fact]) => total + Number("exact" in fact && fact.exact), 0);
        expect(sum).toBe(relationships.length);
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test.each<[what: string, value: string]>([
    ["nested deeper than any stack", `${"[".repeat(2 * mebibyte)}${"]".repeat(2 * mebibyte)}`],
    ["of empty lists without number", `[${"[],".repeat(mebibyte)}[]]`],
  ])("with a property %s ends in order", async (_what, value) => {
    const node = `{"node":"0","labels":[],"properties":{"x":${value}}}`;
    const content = Buffer.from([sample[0], node, '{"nodes":1,"relationships":0,"dangling":0}', ""].join("\n"));
    await expectAlike(read, content, 65_536);
  });

  test("of a line without an end is refused before it fills the memory", async () => {
    let given = 0;
    async function* endless(): Bytes {
      yield Buffer.from(`${sample[0]}\n{"node":"0","labels":["`);
      for (;;) {
        given += mebibyte;
        yield Buffer.alloc(mebibyte, "a");
      }
    }
    expect(await outcomeOf(() => readExport(endless(), signal))).toBe("corrupt");
    expect(given).toBeLessThan(80 * mebibyte);
  });

  const long = "x".repeat(1_000);
  test.each<[what: string, line: (number: number) => string]>([
    ["labels", (number) => `{"node":"${number}","labels":["${number}${long}"],"properties":{}}`],
    ["types", (number) => `{"relationship":"${number}${long}","start":"0","end":"0","properties":{}}`],
    ["indexes", (number) => `{"schema":"${number}","statement":"${long}"}`],
  ])("of %s without number is refused before they fill the memory", async (_what, line) => {
    let number = 0;
    async function* endless(): Bytes {
      yield Buffer.from(`${sample[0]}\n`);
      for (;;) yield Buffer.from(Array.from({ length: 1_000 }, () => `${line((number += 1))}\n`).join(""));
    }
    expect(await outcomeOf(() => readExport(endless(), signal))).toBe("corrupt");
    expect(number).toBeLessThan(100_000);
  });

  test("of nodes with ids far apart is read, and remembers no more than it may", async () => {
    const nodes = Array.from({ length: 5_000 }, (_, index) => `{"node":"${index}00000","labels":[],"properties":{}}`);
    const content = Buffer.from(
      [sample[0], ...nodes, '{"nodes":5000,"relationships":0,"dangling":null}', ""].join("\n"),
    );
    const used = process.memoryUsage().arrayBuffers;
    expect(await read(content, 65_536)).toMatchObject({
      "database:neo4j/nodes:": { exact: 5_000 },
      "database:neo4j/relationships": { absent: expect.any(String) },
    });
    expect(process.memoryUsage().arrayBuffers - used).toBeLessThan(160 * mebibyte);
  });
});

test("an artifact of any name and content ends in order", async () => {
  const names = fc.oneof(
    fc.constantFrom("neo4j.dump", "neo4j.jsonl", "data.tar", "__proto__", "../x.dump"),
    fc.string(),
  );
  const content = fc.oneof(
    fc.uint8Array(),
    fc.string().map((text) => Buffer.from(text)),
  );
  const details = fc.oneof(
    fc.constant(null),
    fc.constant({ databases: [{ name: "neo4j", bytes: 1 }] }),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(names, content, details, async (name, bytes, given) => {
      const context = { details: given as null, signal };
      const outcome = await outcomeOf(() => inspectArtifact(name, pieces(bytes, 100), context));
      expect(["corrupt", "not-found"]).toContain(typeof outcome === "string" ? outcome : "read");
    }),
    { numRuns: 500 },
  );
});

test("a real dump, made anew with its frame, is what these tests change", async () => {
  const real = readFileSync(new URL("fixtures/graph.dump", import.meta.url));
  const again = Buffer.concat([magic, zstdCompressSync(zstdDecompressSync(real.subarray(magic.length)))]);
  expect(await readDump(pieces(again, 4_096))).toEqual(await readDump(pieces(real, 4_096)));
});
