import { readFileSync } from "node:fs";
import { type Bytes, type Codec, codecNames, isBackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codecs, createCodec } from "../src/index.ts";
import { collect, failureOf, sample, Source, streamOf } from "./streams.ts";

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const mebibyte = 1024 * 1024;

async function encodedBy(codec: Codec, plain: Uint8Array): Promise<Buffer> {
  return await collect(codec.encode(streamOf(plain)));
}

/** Decodes; undefined where it was refused as corrupt, with an offset inside the stream. */
async function decodedOrRefused(codec: Codec, encoded: Uint8Array) {
  try {
    return await collect(codec.decode(streamOf(encoded)));
  } catch (error) {
    const offset = isBackupError(error) && error.reason === "corrupt" ? Number(error.details["offset"]) : Number.NaN;
    if (offset >= 0 && offset <= encoded.length) return undefined;
    throw error;
  }
}

describe.each(codecNames)("%s", (name) => {
  const codec = codecs[name];

  it("gives back what went in, however both streams are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
        fc.integer({ min: 1, max: 200 }),
        async (chunks, chunkLength) => {
          const source = (async function* (): Bytes {
            yield* chunks;
          })();
          const encoded = await collect(codec.encode(source));
          expect(await collect(codec.decode(streamOf(encoded, chunkLength)))).toEqual(Buffer.concat(chunks));
        },
      ),
    );
  });

  it.each([0, 1, mebibyte, 2 * mebibyte - 1, 2 * mebibyte, 2 * mebibyte + 1, 9 * mebibyte + 12_345])(
    "gives back %i bytes",
    async (length) => {
      const plain = sample(length);
      const encoded = await encodedBy(codec, plain);
      expect((await collect(codec.decode(streamOf(encoded)))).equals(plain)).toBe(true);
      expect((await collect(codec.decode(streamOf(encoded, 999_983)))).equals(plain)).toBe(true);
    },
  );

  it("is stateless: one codec encodes and decodes several streams at once", async () => {
    const plains = [sample(3 * mebibyte), sample(100), sample(5 * mebibyte).subarray(99)];
    const results = await Promise.all(plains.map((plain) => collect(codec.decode(codec.encode(streamOf(plain))))));
    for (const [index, plain] of plains.entries()) expect(results[index]!.equals(plain)).toBe(true);
  });

  it("passes on what the source throws, both ways", async () => {
    const failure = new Error("connection lost");
    const encoded = await encodedBy(codec, sample(1000));
    const broken = async function* (bytes: Uint8Array): Bytes {
      yield bytes;
      throw failure;
    };
    expect(await failureOf(collect(codec.encode(broken(sample(1000)))))).toBe(failure);
    expect(await failureOf(collect(codec.decode(broken(encoded.subarray(0, 100)))))).toBe(failure);
  });

  it("releases the source when its consumer leaves, both ways", async () => {
    const plain = sample(8 * mebibyte);
    const sources = {
      encode: new Source(streamOf(plain)),
      decode: new Source(streamOf(await encodedBy(codec, plain))),
    };
    for (const direction of ["encode", "decode"] as const) {
      for await (const _chunk of codec[direction](sources[direction])) break;
      expect(sources[direction].isReleased).toBe(true);
    }
  });

  it("encodes with memory that does not grow with the stream", async () => {
    const chunk = sample(mebibyte);
    const source = async function* (): Bytes {
      for (let count = 0; count < 96; count++) yield chunk;
    };
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const _chunk of codec.encode(source())) {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    // What garbage collection has not come to yet is in it.
    expect(most).toBeLessThan(64 * mebibyte);
  });
});

describe.each(["zstd", "gzip"] as const)("%s", (name) => {
  const codec = codecs[name];

  it.each(["one that compresses", "one that does not", "an empty one"])(
    "refuses every truncation and every flipped bit of a stream, %s, or decodes to the very same",
    async (kind) => {
      const plain = {
        "one that compresses": sample(400),
        "one that does not": sample(60).fill(7, 0, 1),
        "an empty one": sample(0),
      }[kind]!;
      const encoded = await encodedBy(codec, plain);
      for (let length = 0; length < encoded.length; length++) {
        expect(await decodedOrRefused(codec, encoded.subarray(0, length)), `cut to ${length} bytes`).toBeUndefined();
      }
      let harmless = 0;
      for (let bit = 0; bit < encoded.length * 8; bit++) {
        const flipped = Buffer.from(encoded);
        flipped[bit >>> 3]! ^= 1 << (bit & 7);
        const decoded = await decodedOrRefused(codec, flipped);
        if (decoded === undefined) continue;
        harmless += 1;
        expect(decoded.equals(plain), `bit ${bit} flipped`).toBe(true);
      }
      // gzip: the time (4 bytes), hints on compression and system (2 bytes), the text flag, and what fills the last byte of the data; zstd: the
      // unused bit of a frame's header, and a larger window.
      expect(harmless).toBeLessThanOrEqual(name === "gzip" ? 6 * 8 + 1 + 7 : 8);
    },
  );

  it("refuses any changed byte of several frames, wherever it is", async () => {
    const plain = sample(5 * mebibyte);
    const encoded = await encodedBy(codec, plain);
    await fc.assert(
      fc.asyncProperty(fc.nat(encoded.length - 1), fc.integer({ min: 1, max: 255 }), async (offset, change) => {
        const damaged = Buffer.from(encoded);
        damaged[offset]! ^= change;
        const decoded = await decodedOrRefused(codec, damaged);
        expect(decoded === undefined || decoded.equals(plain)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it("names the frame that is damaged by its offset", async () => {
    const frames = await Promise.all(
      [sample(1000), sample(2000), sample(3000)].map((plain) => encodedBy(codec, plain)),
    );
    const encoded = Buffer.concat(frames);
    const [first, second] = frames as [Buffer, Buffer];
    encoded[first.length + second.length - 6]! ^= 0x55;
    await expect(collect(codec.decode(streamOf(encoded)))).rejects.toMatchObject({
      reason: "corrupt",
      details: { offset: first.length },
    });
  });

  it.each([1, 3, 7, 64 * 1024])("decodes frames one after the other, in chunks of %i bytes", async (chunkLength) => {
    const plains = [sample(1000), sample(0), sample(1), sample(70_000)];
    const encoded = Buffer.concat(await Promise.all(plains.map((plain) => encodedBy(codec, plain))));
    expect((await collect(codec.decode(streamOf(encoded, chunkLength)))).equals(Buffer.concat(plains))).toBe(true);
  });

  it.each([
    ["text", Buffer.from("junk")],
    ["one byte", Buffer.from("j")],
    ["zeros", Buffer.alloc(512)],
    ["one zero", Buffer.alloc(1)],
    ["the first bytes of another frame", undefined],
  ])("refuses %s behind the last frame, in the same chunk and in the next", async (_what, given) => {
    const encoded = await encodedBy(codec, sample(1000));
    const junk = given ?? encoded.subarray(0, 3);
    const inNext = async function* (): Bytes {
      yield encoded;
      yield junk;
    };
    for (const stream of [streamOf(Buffer.concat([encoded, junk])), inNext()]) {
      await expect(collect(codec.decode(stream))).rejects.toMatchObject({
        reason: "corrupt",
        details: { offset: encoded.length },
      });
    }
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("-- PostgreSQL database dump\n")],
    ["zeros", Buffer.alloc(100)],
    ["a short text", Buffer.from("a")],
  ])("refuses %s instead of a stream", async (_what, encoded) => {
    await expect(collect(codec.decode(streamOf(encoded)))).rejects.toMatchObject({
      reason: "corrupt",
      details: { offset: 0 },
    });
  });

  it("ends in order on any bytes", async () => {
    const start = (await encodedBy(codec, sample(400))).subarray(0, 10);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(10), async (bytes, kept) => {
        await decodedOrRefused(codec, Buffer.concat([start.subarray(0, kept), bytes]));
      }),
      { numRuns: 300 },
    );
  });

  it("compresses harder at a higher level", async () => {
    const plain = fixture("plain.txt");
    const quick = await encodedBy(createCodec({ name, level: 1 }), plain);
    const hard = await encodedBy(createCodec({ name, level: 9 }), plain);
    expect(hard.length).toBeLessThan(quick.length);
    expect((await collect(codec.decode(streamOf(hard)))).equals(plain)).toBe(true);
  });

  it("makes the same bytes with any number of threads", async () => {
    const plain = sample(7 * mebibyte);
    const withOne = await encodedBy(createCodec({ name, threads: 1 }), plain);
    const withFour = await encodedBy(createCodec({ name, threads: 4 }), plain);
    expect(withOne.equals(withFour)).toBe(true);
  });
});

describe("frames of other tools", () => {
  it.each<readonly [name: "zstd" | "gzip", file: string, what: string]>([
    ["zstd", "streamed.zst", "of unknown content size"],
    ["zstd", "known-size.zst", "of known content size"],
    ["zstd", "long-window-unchecked.zst", "with the largest window, without a checksum"],
    ["zstd", "two-frames-and-skippable.zst", "with skippable ones among them"],
    ["gzip", "named.gz", "with a file name"],
    ["gzip", "two-members.gz", "of two members"],
    ["gzip", "every-header-field.gz", "with extra field, name, comment and header checksum"],
  ])("%s: %s, %s", async (name, file) => {
    const plain = fixture("plain.txt");
    for (const chunkLength of [1, 1000, 1_000_000]) {
      expect((await collect(codecs[name].decode(streamOf(fixture(file), chunkLength)))).equals(plain)).toBe(true);
    }
  });

  it("gzip: refuses a damaged header that has a checksum", async () => {
    const damaged = fixture("every-header-field.gz");
    damaged[20]! ^= 1;
    expect(await decodedOrRefused(codecs.gzip, damaged)).toBeUndefined();
  });

  it("gzip: refuses a header that does not end", async () => {
    const endless = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0x08, 0, 0, 0, 0, 0, 3]), Buffer.alloc(mebibyte, "n")]);
    const source = new Source(streamOf(endless));
    await expect(collect(codecs.gzip.decode(source))).rejects.toMatchObject({ reason: "corrupt" });
    expect(source.asked).toBeLessThan(4);
  });
});

describe("hostile zstd", () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  /** A block of 128 KiB of the same byte, in 4 bytes. */
  const expandingBlock = (isLast: boolean): Buffer => {
    const block = Buffer.alloc(4);
    block.writeUIntLE((128 * 1024 * 8) | (1 << 1) | (isLast ? 1 : 0), 0, 3);
    return block;
  };

  it("lets a small frame expand to a gigabyte without holding it", async () => {
    const blocks = 8192;
    const bomb = Buffer.concat([
      // Window of 128 KiB, no checksum, no content size.
      Buffer.from([...magic, 0x00, 7 << 3]),
      ...Array.from({ length: blocks }, (_, index) => expandingBlock(index === blocks - 1)),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    let length = 0;
    let most = 0;
    for await (const chunk of codecs.zstd.decode(streamOf(bomb))) {
      length += chunk.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(bomb.length).toBeLessThan(40_000);
    expect(length).toBe(blocks * 128 * 1024);
    expect(most).toBeLessThan(100 * mebibyte);
  });

  it.each([
    ["a window beyond what the zstd tool takes", [0x00, 18 << 3]],
    ["a content of 2^60 bytes in one segment", [0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10]],
    ["a dictionary", [0x01, 7 << 3, 0x11]],
    ["a reserved bit", [0x08, 7 << 3]],
  ])("refuses %s", async (_what, header) => {
    const frame = Buffer.concat([Buffer.from([...magic, ...header]), expandingBlock(true)]);
    expect(await decodedOrRefused(codecs.zstd, frame)).toBeUndefined();
  });

  it("refuses a content that is longer than its frame says", async () => {
    const frame = Buffer.concat([Buffer.from([...magic, 0x80, 7 << 3, 1, 0, 0, 0]), expandingBlock(true)]);
    expect(await decodedOrRefused(codecs.zstd, frame)).toBeUndefined();
  });

  it("refuses a block of no known type", async () => {
    const frame = Buffer.from([...magic, 0x00, 7 << 3, 0x07, 0, 0]);
    expect(await decodedOrRefused(codecs.zstd, frame)).toBeUndefined();
  });

  it("refuses a skippable frame that is longer than the stream", async () => {
    const frame = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    expect(await decodedOrRefused(codecs.zstd, frame)).toBeUndefined();
  });
});

describe("createCodec", () => {
  it("names its codecs and their suffixes", () => {
    expect(codecNames.map((name) => [codecs[name].name, codecs[name].suffix])).toEqual([
      ["zstd", ".zst"],
      ["gzip", ".gz"],
      ["none", ""],
    ]);
  });

  it.each([
    { name: "zstd", level: 0 },
    { name: "zstd", level: 23 },
    { name: "gzip", level: 10 },
    { name: "gzip", level: 1.5 },
    { name: "none", level: 1 },
    { name: "zstd", threads: 0 },
    { name: "gzip", threads: Number.NaN },
  ] as const)("refuses $name with level $level and $threads threads", (options) => {
    expect(() => createCodec(options)).toThrow(expect.objectContaining({ reason: "configuration" }));
  });

  it("makes a whole frame of nothing, with its size and a checksum", async () => {
    const zstd = await encodedBy(codecs.zstd, Buffer.alloc(0));
    expect(zstd.subarray(0, 4).toString("hex")).toBe("28b52ffd");
    const descriptor = (await encodedBy(codecs.zstd, sample(1000)))[4]!;
    expect(descriptor & 0x04).toBe(0x04);
    expect(descriptor >>> 6).toBeGreaterThan(0);
    expect((await encodedBy(codecs.gzip, Buffer.alloc(0))).subarray(0, 2).toString("hex")).toBe("1f8b");
  });
});
