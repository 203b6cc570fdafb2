import { readFileSync } from "node:fs";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BackupError, type Bytes } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { readDump } from "../src/dump/dump-file.ts";
import { whilePassing } from "../src/dump/while-passing.ts";

/** Made by `neo4j-admin database dump` of 2026.08.1: two nodes and a relationship. */
const dump = readFileSync(new URL("fixtures/graph.dump", import.meta.url));
const magicLength = 4;

async function* bytes(content: Uint8Array, size = 1_000): Bytes {
  for (let at = 0; at < content.length; at += size) yield Buffer.from(content.subarray(at, at + size));
}

/** The same dump with its inside changed: a frame of its own, with a right checksum. */
function rebuilt(change: (inside: Buffer) => Buffer): Buffer {
  const inside = change(zstdDecompressSync(dump.subarray(magicLength)));
  return Buffer.concat([dump.subarray(0, magicLength), zstdCompressSync(inside)]);
}

describe("a dump", () => {
  test.each([1, 7, 4_096, dump.length])("is read to its end, in pieces of %i bytes", async (size) => {
    const facts = await readDump(bytes(dump, size));
    expect(facts.files).toBeGreaterThan(20);
    expect(facts.bytes).toBeGreaterThan(500_000);
  });

  test("cut off anywhere is refused", async () => {
    for (let length = 0; length < dump.length; length += 97) {
      await expect(readDump(bytes(dump.subarray(0, length))), `${length}`).rejects.toMatchObject({ reason: "corrupt" });
    }
    await expect(readDump(bytes(dump.subarray(0, -1)))).rejects.toMatchObject({ reason: "corrupt" });
  });

  test("with a flipped bit is refused", async () => {
    // The frame's header has bits that mean nothing: behind it, every one is in the checksum.
    for (let at = 16; at < dump.length; at += 61) {
      const flipped = Buffer.from(dump);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await expect(readDump(bytes(flipped)), `${at}`).rejects.toMatchObject({ reason: "corrupt" });
    }
  });

  test.each<[what: string, content: Buffer]>([
    ["of nothing", Buffer.alloc(0)],
    ["of something else", Buffer.from("CREATE (n);\n".repeat(100))],
    ["by gzip", Buffer.concat([Buffer.from("DGV1"), dump.subarray(magicLength)])],
    ["with a text behind it", Buffer.concat([dump, Buffer.from("\nDROP TABLE users;\n")])],
    ["twice", Buffer.concat([dump, dump.subarray(magicLength)])],
    ["of another codec", rebuilt((inside) => Buffer.concat([Buffer.from("gzip"), inside.subarray(4)]))],
    ["of a later version", rebuilt((inside) => withNumber(inside, 4, 2))],
    ["that claims another file", rebuilt((inside) => withNumber(inside, 12, inside.readInt32BE(12) + 1))],
    ["that claims another byte", rebuilt((inside) => withNumber(inside, 20, inside.readInt32BE(20) + 1))],
    ["without the end of its archive", rebuilt((inside) => inside.subarray(0, -1024))],
    ["without an archive", rebuilt((inside) => inside.subarray(0, 24))],
  ])("%s is refused", async (_what, content) => {
    await expect(readDump(bytes(content))).rejects.toMatchObject({ reason: "corrupt", hint: expect.any(String) });
  });
});

function withNumber(inside: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(inside);
  changed.writeInt32BE(value, at);
  return changed;
}

describe("bytes that are read while they pass", () => {
  async function collect(stream: Bytes): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  test("come out as they went in, with what the reader found", async () => {
    const found: number[] = [];
    const passed = await collect(whilePassing(bytes(dump, 100), readDump, ({ files }) => found.push(files)));
    expect(passed.equals(dump)).toBe(true);
    expect(found).toHaveLength(1);
  });

  test("end with the error of the reader, early or at the end", async () => {
    const settled: unknown[] = [];
    const passing = (content: Buffer) =>
      collect(whilePassing(bytes(content, 100), readDump, (facts) => settled.push(facts)));
    await expect(passing(Buffer.alloc(100_000))).rejects.toMatchObject({ reason: "corrupt" });
    await expect(passing(dump.subarray(0, -10))).rejects.toMatchObject({ reason: "corrupt" });
    await expect(passing(Buffer.alloc(0))).rejects.toMatchObject({ reason: "corrupt" });
    expect(settled).toEqual([]);
  });

  test("end with their own error, and the reader is let go", async () => {
    let isReleased = false;
    async function* failing(): Bytes {
      yield Buffer.from(dump.subarray(0, 100));
      throw new BackupError("connection", "lost");
    }
    const read = async (stream: Bytes) => {
      try {
        for await (const _ of stream);
      } finally {
        isReleased = true;
      }
    };
    await expect(collect(whilePassing(failing(), read, () => undefined))).rejects.toMatchObject({
      reason: "connection",
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReleased).toBe(true);
  });

  test("that nobody reads on let the reader go", async () => {
    let isReleased = false;
    const read = async (stream: Bytes) => {
      try {
        for await (const _ of stream);
      } finally {
        isReleased = true;
      }
    };
    for await (const _ of whilePassing(bytes(dump, 100), read, () => undefined)) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReleased).toBe(true);
  });
});
