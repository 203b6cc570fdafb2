import { setTimeout as delay } from "node:timers/promises";
import type { Bytes } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressBlocks, outputBound } from "../src/blocks.ts";
import { collect, failureOf, Source, streamOf } from "./streams.ts";

describe("compressBlocks", () => {
  it("cuts into blocks and keeps their order, whatever the chunks and however long each block takes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.nat(2)),
        async (chunks, blockLength, threads, delays) => {
          const plain = Buffer.concat(chunks);
          const blocks: Buffer[] = [];
          const source = (async function* (): Bytes {
            yield* chunks;
          })();
          const compress = async (block: Uint8Array): Promise<Uint8Array> => {
            await delay(delays.next().value);
            return Buffer.from(block);
          };
          for await (const block of compressBlocks(source, { blockLength, threads, compress })) {
            blocks.push(Buffer.from(block));
          }
          expect(Buffer.concat(blocks)).toEqual(plain);
          expect(blocks.length).toBe(Math.max(1, Math.ceil(plain.length / blockLength)));
          expect(blocks.slice(0, -1).every((block) => block.length === blockLength)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("has one block more under way than threads, and reads no further until one is taken", async () => {
    let started = 0;
    const source = new Source(streamOf(Buffer.alloc(1000), 10));
    const compress = async (block: Uint8Array): Promise<Uint8Array> => {
      started += 1;
      return block.slice();
    };
    for await (const _block of compressBlocks(source, { blockLength: 10, threads: 2, compress })) {
      expect(started).toBe(3);
      expect(source.asked).toBe(3);
      break;
    }
    expect(source.isReleased).toBe(true);
  });

  it("waits, when left early, for what is being compressed", async () => {
    let running = 0;
    const compress = async (block: Uint8Array): Promise<Uint8Array> => {
      running += 1;
      await delay(5 * running);
      running -= 1;
      return block.slice();
    };
    for await (const _block of compressBlocks(streamOf(Buffer.alloc(100), 10), {
      blockLength: 10,
      threads: 3,
      compress,
    })) {
      break;
    }
    expect(running).toBe(0);
  });

  it("passes on what the source throws, and gives nothing after it", async () => {
    const failure = new Error("connection lost");
    const source = async function* (): Bytes {
      yield Buffer.alloc(25);
      throw failure;
    };
    const compress = async (block: Uint8Array): Promise<Uint8Array> => block.slice();
    expect(await failureOf(collect(compressBlocks(source(), { blockLength: 10, threads: 2, compress })))).toBe(failure);
  });

  it("passes on what a compression throws, and releases the source", async () => {
    const failure = new Error("no memory");
    const source = new Source(streamOf(Buffer.alloc(1000), 10));
    const compress = () => Promise.reject(failure);
    expect(await failureOf(collect(compressBlocks(source, { blockLength: 10, threads: 2, compress })))).toBe(failure);
    expect(source.isReleased).toBe(true);
  });
});

describe("outputBound", () => {
  it("is no less than ZSTD_COMPRESSBOUND", () => {
    fc.assert(
      fc.property(fc.nat(8 * 1024 * 1024), (length) => {
        const margin = length < 128 * 1024 ? (128 * 1024 - length) >>> 11 : 0;
        expect(outputBound(length)).toBeGreaterThanOrEqual(length + (length >>> 8) + margin);
      }),
    );
  });
});
