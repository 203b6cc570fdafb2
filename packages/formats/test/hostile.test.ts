import { gzipSync, zstdCompressSync, constants } from "node:zlib";
import { isBackupError, type Bytes } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { decodeGzip, decodeZstd, readTar } from "../src/index.ts";
import { archiveOf, at, collect, endMark, rawExtension, rawHeader, rawRecord, streamOf } from "./tar/archive.ts";

const mebibyte = 1024 * 1024;

/** Counts the chunks that are asked of it; asks beyond its end count too. */
class Source {
  asked = 0;
  released = 0;
  readonly #chunks: readonly Uint8Array[];

  constructor(...chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of this.#chunks) {
        this.asked += 1;
        yield chunk;
      }
      this.asked += 1;
    } finally {
      this.released += 1;
    }
  }
}

/** Cut into chunks, so that it can be counted how far somebody read. */
function sourceOf(bytes: Uint8Array, chunkLength: number): Source {
  const count = Math.ceil(bytes.length / chunkLength);
  return new Source(
    ...Array.from({ length: count }, (_, index) => bytes.subarray(index * chunkLength, (index + 1) * chunkLength)),
  );
}

/** What it throws; undefined where it throws nothing. Anything but a BackupError fails the test. */
async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!isBackupError(error)) throw error;
    return error.reason;
  }
}

const lies = fc.constantFrom<number[]>(
  [0x80, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0x80],
  [0, 0, 0, 0, 0, 0, 0x20, 0],
  [0, 0, 0, 0, 0, 0, 0, 0x10],
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
);
type Change = (bytes: Buffer) => Buffer;
const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.nat(),
    fc.nat(300),
    fc.constantFrom("flip", "cut", "lose", "double", "lie", "insert"),
    fc.uint8Array(),
    lies,
  )
  .map(([place, length, how, inserted, lie]) => (bytes) => {
    const from = place % bytes.length;
    const [before, piece, after] = [bytes.subarray(0, from), bytes.subarray(from, from + length), bytes.subarray(from)];
    switch (how) {
      case "flip": {
        const flipped = Buffer.from(bytes);
        flipped[from]! ^= 1 << (length & 7);
        return flipped;
      }
      case "cut":
        return before;
      case "lose":
        return Buffer.concat([before, bytes.subarray(from + length)]);
      case "double":
        return Buffer.concat([before, piece, after]);
      case "insert":
        return Buffer.concat([before, inserted, after]);
      default:
        return Buffer.concat([before, Buffer.from(lie), bytes.subarray(from + lie.length)]);
    }
  });
const changes = fc.array(change, { minLength: 1, maxLength: 4 }).map(
  (all): Change =>
    (bytes) =>
      all.reduce((changed, one) => (changed.length === 0 ? changed : one(changed)), bytes),
);

const words = Buffer.from("some words that repeat, some words that do not; ".repeat(40));
const formats = [
  {
    name: "zstd",
    decode: decodeZstd,
    whole: Buffer.concat([
      zstdCompressSync(words, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
      Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
      zstdCompressSync(words.subarray(0, 50), { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
    ]),
    empty: zstdCompressSync(Buffer.alloc(0)),
    bomb: () => zstdCompressSync(Buffer.alloc(256 * mebibyte)),
  },
  {
    name: "gzip",
    decode: decodeGzip,
    whole: Buffer.concat([gzipSync(words), gzipSync(words.subarray(0, 50))]),
    empty: gzipSync(Buffer.alloc(0)),
    bomb: () => gzipSync(Buffer.alloc(256 * mebibyte)),
  },
] as const;

describe.each(formats)("$name", ({ decode, whole, empty, bomb }) => {
  it("of any bytes, and of any change to a good stream, ends in order and reads no further than there is", async () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      changes.map((apply) => apply(whole)),
    );
    await fc.assert(
      fc.asyncProperty(any, fc.integer({ min: 1, max: 500 }), async (bytes, chunkLength) => {
        const source = sourceOf(bytes, chunkLength);
        expect([undefined, "corrupt"]).toContain(await refusalOf(collect(decode(source))));
        expect(source.asked).toBeLessThanOrEqual(Math.ceil(bytes.length / chunkLength) + 1);
        expect(source.released).toBe(source.asked === 0 ? 0 : 1);
      }),
      { numRuns: 500 },
    );
  });

  it("lets a bomb go off at the reader's pace, holding little, and stops when the reader stops", async () => {
    const bytes = bomb();
    expect(bytes.length).toBeLessThan(mebibyte);
    const source = sourceOf(bytes, 4_096);
    const before = process.memoryUsage().arrayBuffers;
    let given = 0;
    for await (const chunk of decode(source)) {
      given += chunk.length;
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * mebibyte);
      if (given > 32 * mebibyte) break;
    }
    expect(given).toBeLessThan(64 * mebibyte);
    expect(source.released).toBe(1);
    expect(source.asked).toBeLessThan(bytes.length / 4_096);
  });

  it("takes thousands of streams of nothing one after the other, and gives nothing", async () => {
    const source = new Source(
      ...Array.from({ length: 50 }, () => Buffer.concat(Array.from({ length: 40 }, () => empty))),
    );
    expect(await collect(decode(source))).toHaveLength(0);
    expect(source.asked).toBe(51);
  });
});

describe("tar", () => {
  const sample = Buffer.concat([
    rawExtension("x", rawRecord("path", `${"long/".repeat(40)}name`) + rawRecord("size", "700")),
    rawHeader("short", { [at.size]: "00000001274" }),
    Buffer.alloc(1024, "content"),
    rawExtension("L", `${"n".repeat(150)}\0`),
    rawHeader("n", { [at.typeFlag]: "5" }),
    rawHeader("link", { [at.typeFlag]: "2", [at.linkName]: "short" }),
    endMark,
  ]);
  const types = ["file", "directory", "link", "symlink", "fifo", "character-device", "block-device"] as const;

  it("of any change to a good one, header sums made right again, ends in order and reads no further than there is", async () => {
    const mended: Change = (bytes) => {
      for (let start = 0; start + 512 <= bytes.length; start += 512) {
        const block = bytes.subarray(start, start + 512);
        if (block.toString("latin1", 257, 262) !== "ustar") continue;
        block.fill(" ", 148, 156);
        const sum = block.reduce((total, byte) => total + byte, 0);
        block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
      }
      return bytes;
    };
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), fc.integer({ min: 1, max: 2_000 }), async (apply, mend, chunkLength) => {
        const damaged = Buffer.from(apply(sample));
        const bytes = mend ? mended(damaged) : damaged;
        const source = sourceOf(bytes, chunkLength);
        let given = 0;
        const reason = await refusalOf(
          (async () => {
            for await (const { name, content } of readTar(source, { types })) {
              expect(name).not.toMatch(/^\/|(^|\/)\.\.(\/|$)|\0/);
              for await (const piece of content) given += piece.length;
            }
          })(),
        );
        expect([undefined, "corrupt", "unsupported"]).toContain(reason);
        expect(given).toBeLessThanOrEqual(bytes.length);
        expect(source.asked).toBeLessThanOrEqual(Math.ceil(bytes.length / chunkLength) + 1);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ["an extended header of 4 GiB", { [at.typeFlag]: "x", [at.size]: "40000000000" }],
    ["an extended header of 8 GiB for all", { [at.typeFlag]: "g", [at.size]: "77777777777" }],
    ["a name of 4 GiB", { [at.typeFlag]: "L", [at.size]: "40000000000" }],
    ["a file of 2^60 bytes", { [at.size]: Buffer.from("800000001000000000000000", "hex") }],
  ])("with %s is refused at once, with nothing read behind its header", async (_, fields) => {
    const source = sourceOf(Buffer.concat([rawHeader("a", fields), Buffer.alloc(64 * 1024)]), 512);
    expect(await refusalOf(readThrough(source))).toBe("corrupt");
    expect(source.asked).toBe(1);
  });

  it("with a pax size of 2^53 - 1 is read as far as there is something, holding none of it", async () => {
    const head = [rawExtension("x", rawRecord("size", String(Number.MAX_SAFE_INTEGER))), rawHeader("a")];
    const source = new Source(Buffer.concat(head), ...Array.from({ length: 100 }, () => Buffer.alloc(1000)));
    expect(await refusalOf(readThrough(source))).toBe("corrupt");
    expect(source.asked).toBe(102);
  });

  it("of names that are deep without sense costs no more than its bytes", async () => {
    // Each was looked at from the outermost in: 80 MB of such headers took minutes.
    const looks = vi.spyOn(Map.prototype, "get");
    const entries = 500;
    const deep = "a/".repeat(1_500);
    async function* source(): Bytes {
      for (let index = 0; index < entries; index++) {
        yield rawExtension("x", rawRecord("path", `${deep}${index}`));
        yield rawHeader("a");
      }
      yield endMark;
    }
    try {
      await readThrough(source());
      expect(looks.mock.calls.length).toBeLessThan(1_500 + 10 * entries);
    } finally {
      looks.mockRestore();
    }
  });

  it("that a bomb expands to is passed over at its own pace", async () => {
    const size = 256 * mebibyte;
    const bytes = gzipSync(
      Buffer.concat([
        rawHeader("zeros", { [at.size]: size.toString(8).padStart(11, "0") }),
        Buffer.alloc(size),
        endMark,
      ]),
    );
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const { content } of readTar(decodeGzip(streamOf(bytes)))) {
      for await (const _ of content) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(64 * mebibyte);
  }, 30_000);

  it("written here is what these tests change", async () => {
    expect(await refusalOf(readThrough(streamOf(await archiveOf({ name: "a" }))))).toBeUndefined();
    expect(await refusalOf(readThrough(streamOf(sample), types))).toBeUndefined();
  });
});

async function readThrough(bytes: Bytes, types: NonNullable<Parameters<typeof readTar>[1]>["types"] = ["file"]) {
  for await (const { content } of readTar(bytes, { types: types ?? [] })) for await (const _ of content);
}
