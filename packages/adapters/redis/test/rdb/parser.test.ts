import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isBackupError, type BackupError, type Fingerprint } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf, type RdbContent } from "../../src/rdb/content.ts";
import { parseRdb, RdbParser, type RdbOptions } from "../../src/rdb/parser.ts";
import { farAhead } from "../dataset.ts";
import { length, pieces, RdbBuilder, text, uint32, ziplist, zipmap } from "./builder.ts";

const fixtures = join(import.meta.dirname, "..", "fixtures");
const names = readdirSync(fixtures).filter((name) => name.endsWith(".rdb"));
const fixture = (name: string): Buffer => readFileSync(join(fixtures, name));

function parse(content: Uint8Array, size: number = 65_536, options: RdbOptions = {}): Promise<RdbContent> {
  return parseRdb(pieces(content, size), options);
}

async function facts(content: Uint8Array, size?: number): Promise<Fingerprint> {
  return fingerprintOf(await parse(content, size));
}

async function failure(content: Uint8Array, size?: number): Promise<BackupError> {
  const error: unknown = await parse(content, size).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isBackupError(error)) throw new Error("no BackupError", { cause: error });
  return error;
}

/** Anything but a BackupError is thrown on. */
async function outcomeOf(content: Uint8Array, size?: number): Promise<"refused" | "read"> {
  try {
    await parse(content, size);
    return "read";
  } catch (error) {
    if (isBackupError(error)) return "refused";
    throw error;
  }
}

describe("files of a real server", () => {
  test("the same content in other encodings has the same facts", async () => {
    const [first, ...others] = await Promise.all(names.map((name) => facts(fixture(name))));
    expect(others.length).toBeGreaterThan(2);
    for (const other of others) expect(other).toEqual(first);
    expect(first).toMatchObject({
      "db:0/keys": { exact: 41 },
      "db:0/type:stream": { exact: 3 },
      "db:0/type:hash": { exact: 4 },
      "db:15/keys": { exact: 2 },
    });
    expect(first?.["functions"]).toEqual({ exact: expect.stringMatching(/^1:/) });
  });

  test.each(names)("%s is read alike in pieces of any size", async (name) => {
    const content = fixture(name);
    const whole = await facts(content);
    for (const size of [1, 7, 1000]) expect(await facts(content, size)).toEqual(whole);
  });

  test("the checksum is verified", async () => {
    const content = fixture("compact.rdb");
    expect((await parse(content)).checksum).toBe("verified");
    content.fill(0, content.length - 8);
    expect((await parse(content)).checksum).toBe("absent");
    content[content.length - 1] = 1;
    expect(await failure(content)).toMatchObject({ reason: "corrupt" });
  });

  test("what has expired by a moment is left out, keys and fields", async () => {
    const content = fixture("compact.rdb");
    const all = await parse(content);
    const before = await parse(content, 65_536, { expiredBy: farAhead - 1 });
    expect(fingerprintOf(before)).toEqual(fingerprintOf(all));
    expect(all.earliestExpiry).toBe(farAhead);
    const after = await parse(content, 65_536, { expiredBy: farAhead + 10 });
    expect(after.databases.get(0)?.keys).toBe(40);
    expect(after.databases.get(0)?.expiring.toString()).not.toBe(all.databases.get(0)?.expiring.toString());
    // A hash whose expiring fields are all gone stays for good.
    expect(all.databases.get(0)?.persistent.count).toBe(38);
    expect(after.databases.get(0)?.persistent.count).toBe(39);
    expect(after.databases.get(5)?.keys).toBe(1);
    expect(after.databases.get(15)?.keys).toBe(2);
  });
});

describe("encodings of older servers", () => {
  const digestOf = async (builder: RdbBuilder): Promise<unknown> => (await facts(builder.build()))["db:0/persistent"];

  test("lists: plain, ziplist, quicklist of ziplists", async () => {
    const elements = ["a", "12", "x".repeat(300)];
    const zip = ziplist("a", Buffer.from([0xfd]), "x".repeat(300));
    const plain = await digestOf(new RdbBuilder().key(1, "k", length(3), ...elements.map((element) => text(element))));
    expect(await digestOf(new RdbBuilder().key(10, "k", text(zip)))).toEqual(plain);
    expect(await digestOf(new RdbBuilder().key(14, "k", length(1), text(zip)))).toEqual(plain);
    const nodes = [text(ziplist("a")), text(ziplist(Buffer.from([0xfe, 12]), "x".repeat(300)))];
    expect(await digestOf(new RdbBuilder().key(14, "k", length(2), ...nodes))).toEqual(plain);
    expect(await digestOf(new RdbBuilder().key(1, "k", length(3), text("12"), text("a"), text("x")))).not.toEqual(
      plain,
    );
  });

  test("hashes: plain, zipmap, ziplist, in any order", async () => {
    const plain = await digestOf(new RdbBuilder().key(4, "k", length(2), text("f"), text("v"), text("g"), text("")));
    expect(await digestOf(new RdbBuilder().key(9, "k", text(zipmap(["f", "v"], ["g", ""]))))).toEqual(plain);
    expect(await digestOf(new RdbBuilder().key(13, "k", text(ziplist("g", "", "f", "v"))))).toEqual(plain);
    expect(await digestOf(new RdbBuilder().key(13, "k", text(ziplist("g", "v", "f", ""))))).not.toEqual(plain);
  });

  test("sorted sets: scores as text, as double, in a ziplist; -0 is 0", async () => {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(1.5);
    const zero = Buffer.alloc(8);
    zero.writeDoubleLE(-0);
    const infinity = Buffer.alloc(8);
    infinity.writeDoubleLE(-Infinity);
    const binary = [text("m"), double, text("n"), zero, text("o"), infinity];
    const plain = await digestOf(new RdbBuilder().key(5, "k", length(3), ...binary));
    const old = [text("m"), text("1.5"), text("n"), text("0"), text("o"), Buffer.from([255])];
    expect(await digestOf(new RdbBuilder().key(3, "k", length(3), ...old))).toEqual(plain);
    const zip = ziplist("o", "-inf", "m", "1.5", "n", "-0");
    expect(await digestOf(new RdbBuilder().key(12, "k", text(zip)))).toEqual(plain);
  });

  test("hashes with expiring fields: absolute and relative", async () => {
    const expiring = async (builder: RdbBuilder): Promise<unknown> => (await facts(builder.build()))["db:0/expiring"];
    const base = Buffer.alloc(8);
    base.writeBigUInt64LE(1000n);
    const relative = new RdbBuilder().key(
      24,
      "k",
      base,
      length(2),
      length(1),
      text("f"),
      text("v"),
      length(0),
      text("g"),
      text("w"),
    );
    const absolute = new RdbBuilder().key(
      22,
      "k",
      length(2),
      length(0),
      text("g"),
      text("w"),
      length(1000),
      text("f"),
      text("v"),
    );
    expect(await expiring(absolute)).toEqual(await expiring(relative));
    const left = new RdbBuilder().key(4, "k", length(1), text("g"), text("w")).build();
    expect(fingerprintOf(await parse(relative.build(), 99, { expiredBy: 1000 }))).toEqual(await facts(left));
  });

  test("a time in seconds is the same in milliseconds", async () => {
    const milliseconds = Buffer.alloc(8);
    milliseconds.writeBigInt64LE(1_700_000_000_000n);
    const old = new RdbBuilder().raw(253, uint32(1_700_000_000)).key(0, "k", text("v"));
    const recent = new RdbBuilder().raw(252, milliseconds).key(0, "k", text("v"));
    expect(await facts(old.build())).toEqual(await facts(recent.build()));
  });

  test("versions before 5 have no checksum", async () => {
    const content = new RdbBuilder(4).key(0, "k", text("v")).build();
    expect((await parse(content.subarray(0, -8))).checksum).toBe("absent");
    expect(await failure(content)).toMatchObject({ reason: "corrupt" });
  });

  test("modules are skipped and counted", async () => {
    // "ReJSON-RL" and version 3, as 54 and 10 bits.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bits = Array.from("ReJSON-RL").reduce((id, letter) => (id << 6n) | BigInt(alphabet.indexOf(letter)), 0n);
    const id = Buffer.alloc(9, 0x81);
    id.writeBigUInt64BE((bits << 10n) | 3n, 1);
    const value = [
      id,
      length(5),
      text('{"a":1}'),
      length(2),
      length(7),
      length(4),
      Buffer.alloc(8),
      length(3),
      Buffer.alloc(4),
      length(0),
    ];
    const content = await parse(
      new RdbBuilder()
        .raw(247, id, length(2), length(2), length(1), length(9), length(0))
        .key(7, "k", ...value)
        .key(0, "l", text("v"))
        .build(),
    );
    expect([...content.modules]).toEqual([["ReJSON-RL", 1]]);
    expect(content.databases.get(0)?.keys).toBe(2);
  });
});

describe("large values pass through", () => {
  test("a string of 300 MB in 64 KiB pieces, bounded memory", async () => {
    const size = 300 * 1024 * 1024;
    const parser = new RdbParser();
    parser.write(Buffer.concat([Buffer.from("REDIS0012"), Buffer.from([0]), text("k"), length(size)]));
    const chunk = Buffer.alloc(65_536, "x");
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < size; sent += chunk.length) parser.write(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
    parser.write(Buffer.concat([Buffer.from([255]), Buffer.alloc(8)]));
    expect(parser.end().databases.get(0)?.keys).toBe(1);
  });

  test("a compressed string of 10 MB, and a compressed list node of 10 MB, are the same as uncompressed", async () => {
    const value = Buffer.alloc(10 * 1024 * 1024, "0123456789abcdef");
    const packed = compressed(value);
    const string = new RdbBuilder().key(0, "k", text(value)).build();
    expect(await facts(new RdbBuilder().key(0, "k", packed).build(), 1000)).toEqual(await facts(string));
    const node = ziplist(...Array.from({ length: 30_000 }, (_, index) => `${index % 10} ${"y".repeat(300)}`));
    const list = new RdbBuilder().key(14, "k", length(1), text(node)).build();
    expect(await facts(new RdbBuilder().key(14, "k", length(1), compressed(node)).build(), 1000)).toEqual(
      await facts(list),
    );
    expect(await facts(list, 1000)).toEqual(await facts(list));
  });
});

describe("hostile input", () => {
  const [small] = [new RdbBuilder().raw(254, length(3)).key(0, "k", text("v")).build()];

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["no RDB", Buffer.from("PK\x03\x04 something else altogether")],
    ["trailing bytes", Buffer.concat([small, Buffer.from([0])])],
    [
      "a string that claims 2^62 bytes",
      new RdbBuilder().key(0, "k", Buffer.from([0x81, 0x40, 0, 0, 0, 0, 0, 0, 0])).build(),
    ],
    ["a list that claims 4 billion elements", new RdbBuilder().key(1, "k", length(0xffffffff), text("a")).build()],
    [
      "a compressed string that claims too much",
      new RdbBuilder()
        .key(0, "k", Buffer.concat([Buffer.from([0xc3]), length(3), length(0xfffffff0), Buffer.alloc(3)]))
        .build(),
    ],
    [
      "a compressed string that refers to before its start",
      new RdbBuilder()
        .key(0, "k", Buffer.concat([Buffer.from([0xc3]), length(3), length(9), Buffer.from([0xe0, 0, 200])]))
        .build(),
    ],
    [
      "a ziplist that ends early",
      new RdbBuilder().key(10, "k", text(Buffer.concat([ziplist("a"), Buffer.from("more")]))).build(),
    ],
    [
      "a ziplist of a false count",
      new RdbBuilder().key(10, "k", text(Buffer.concat([uint32(11), uint32(10), Buffer.from([9, 0, 255])]))).build(),
    ],
    ["a hash of half a pair", new RdbBuilder().key(13, "k", text(ziplist("a", "b", "c"))).build()],
    [
      "an intset of a width of 3",
      new RdbBuilder().key(11, "k", text(Buffer.concat([uint32(3), uint32(1), Buffer.alloc(3)]))).build(),
    ],
    ["a score that is a word", new RdbBuilder().key(12, "k", text(ziplist("a", "many"))).build()],
    ["an unknown mark", new RdbBuilder().raw(200).build()],
    ["an empty set", new RdbBuilder().key(2, "k", length(0)).build()],
    ["a module value of an unknown part", new RdbBuilder().key(7, "k", length(1), length(9)).build()],
  ])("%s", async (_, content) => {
    for (const size of [1, 65_536]) {
      const error = await failure(content, size);
      expect(error.reason).toBe("corrupt");
      expect(error.details["offset"]).toEqual(expect.any(Number));
      expect(error.hint).toMatch(/\w/);
    }
  });

  test.each(["REDIS0080", "REDIS0013", "VALKEY080"])("%s is told as newer, not as damaged", async (head) => {
    expect(await failure(Buffer.concat([Buffer.from(head), Buffer.alloc(100)]))).toMatchObject({
      reason: "unsupported",
    });
  });

  test("every truncation is told", async () => {
    const content = fixture("tables.rdb");
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length - 1), fc.integer({ min: 1, max: 100_000 }), async (end, size) => {
        expect((await failure(content.subarray(0, end), size)).reason).toBe("corrupt");
      }),
      { numRuns: 150 },
    );
  });

  test("a flipped bit is told, or has the same facts as without (its own checksum switched off)", async () => {
    for (const name of names) {
      const content = fixture(name);
      await fc.assert(
        fc.asyncProperty(fc.nat(content.length * 8 - 1), fc.boolean(), async (bit, hasChecksum) => {
          const damaged = Buffer.from(content);
          if (!hasChecksum) damaged.fill(0, damaged.length - 8);
          damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          const outcome = await outcomeOf(damaged);
          // With its checksum no flip passes; without, one in a value gives other facts.
          expect(hasChecksum ? ["refused"] : ["refused", "read"]).toContain(outcome);
        }),
        { numRuns: 150 },
      );
    }
  });

  test("any bytes behind a valid head end in an error or in facts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 1, max: 300 }), async (bytes, size) => {
        expect(["refused", "read"]).toContain(await outcomeOf(Buffer.concat([Buffer.from("REDIS0012"), bytes]), size));
      }),
      { numRuns: 500 },
    );
  });
});

/** LZF of something that repeats: literals for the first period, references for the rest. */
function compressed(value: Buffer): Buffer {
  const parts: Buffer[] = [];
  const period = 16;
  let position = 0;
  while (position < value.length) {
    const reference = longestRun(value, position, period);
    if (position >= period && reference >= 9) {
      const count = Math.min(reference, 264);
      parts.push(Buffer.from([0xe0 | ((period - 1) >> 8), count - 9, (period - 1) & 255]));
      position += count;
    } else {
      const count = Math.min(32, value.length - position, position < period ? period - position : 32);
      parts.push(Buffer.from([count - 1]), value.subarray(position, position + count));
      position += count;
    }
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0xc3]), length(body.length), length(value.length), body]);
}

function longestRun(value: Buffer, position: number, distance: number): number {
  let count = 0;
  while (
    count < 264 &&
    position + count < value.length &&
    value[position + count] === value[position + count - distance]
  )
    count++;
  return position >= distance ? count : 0;
}
