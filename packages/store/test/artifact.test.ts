import { readFile, rm, symlink, writeFile, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactEntry, Bytes, Codec } from "@sutazai/backup-core";
import { BackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArtifact, writeArtifact } from "../src/artifact.ts";
import { bytesOf, codecs, collect, gzip, injected, none, overFiles, scratch } from "./support.ts";

const codecOf = (name: string): Codec => codecs[name] ?? none;

async function stored(directory: string, content: Bytes, codec: Codec = none, file = "a"): Promise<ArtifactEntry> {
  return {
    name: file,
    file,
    codec: codec.name,
    ...(await writeArtifact(join(directory, file), content, codec, directory)),
  };
}

/** What a consumer gets before the error. */
async function readUntilError(bytes: Bytes): Promise<{ bytes: number; error: unknown }> {
  let count = 0;
  try {
    for await (const chunk of bytes) count += chunk.length;
  } catch (error) {
    return { bytes: count, error };
  }
  return { bytes: count, error: undefined };
}

describe("writing and reading", () => {
  it("gives back what went in, however it was cut up", async () => {
    const directory = await scratch();
    let index = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 20 }),
        fc.constantFrom(none, gzip),
        async (chunks, codec) => {
          const entry = await stored(directory, bytesOf(...chunks), codec, `f${(index += 1)}`);
          expect(await collect(readArtifact(directory, entry, codecOf))).toEqual(Buffer.concat(chunks));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("writes blocks of thousands of tiny and of huge chunks in order", async () => {
    const directory = await scratch();
    const tiny = Array.from({ length: 5000 }, (_, index) => Buffer.from(`${index},`));
    const huge = [Buffer.alloc(3_000_000, 1), Buffer.alloc(1_000_000, 2)];
    const entry = await stored(directory, bytesOf(...tiny, ...huge, "end"));
    expect((await readFile(join(directory, "a"))).equals(Buffer.concat([...tiny, ...huge, Buffer.from("end")]))).toBe(
      true,
    );
    expect(entry.stored).toEqual(entry.plain);
  });

  it("releases the source when the disk fails, and passes on what the source throws", async () => {
    const directory = await scratch();
    let released = false;
    const endless = async function* () {
      try {
        for (;;) yield Buffer.alloc(300_000);
      } finally {
        released = true;
      }
    };
    const restore = await overFiles("writev", (nth, proceed, args) =>
      nth === 3 ? Promise.reject(injected("EIO")) : proceed(...args),
    );
    await expect(stored(directory, endless())).rejects.toMatchObject({ message: expect.stringContaining("EIO") });
    restore();
    expect(released).toBe(true);
    const failing = async function* () {
      yield Buffer.from("x");
      throw new BackupError("tool-failed", "pg_dump ended with exit code 1");
    };
    await expect(stored(directory, failing(), gzip, "b")).rejects.toMatchObject({ reason: "tool-failed" });
  });

  it("goes on after a short write", async () => {
    const directory = await scratch();
    let short = 0;
    await overFiles("writev", (_, proceed, [buffers]) => {
      const all = Buffer.concat(buffers as Uint8Array[]);
      short += all.length > 70_001 ? 1 : 0;
      return proceed([all.subarray(0, 70_001)]);
    });
    const content = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));
    const entry = await stored(directory, bytesOf(content));
    expect((await collect(readArtifact(directory, entry, codecOf))).equals(content)).toBe(true);
    expect(short).toBeGreaterThan(10);
  });
});

describe("damage", () => {
  const content = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 7919) % 256));

  it.each([none, gzip])("$name: a flipped bit anywhere throws before the whole has been handed out", async (codec) => {
    const directory = await scratch();
    const entry = await stored(directory, bytesOf(content), codec);
    const path = join(directory, "a");
    const good = await readFile(path);
    for (const at of [0, 5, Math.floor(good.length / 2), good.length - 1]) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 4, at);
      await writeFile(path, bad);
      const { bytes, error } = await readUntilError(readArtifact(directory, entry, codecOf));
      expect(error).toMatchObject({
        reason: "corrupt",
        message: expect.stringContaining(path),
        details: { file: "a" },
      });
      expect(bytes).toBeLessThan(content.length);
    }
  });

  it.each([none, gzip])("$name: truncated, lengthened, missing or replaced by something else", async (codec) => {
    const directory = await scratch();
    const entry = await stored(directory, bytesOf(content), codec);
    const path = join(directory, "a");
    const good = await readFile(path);
    const reading = () => readUntilError(readArtifact(directory, entry, codecOf));
    await writeFile(path, good.subarray(0, good.length - 1));
    expect(await reading()).toMatchObject({
      bytes: 0,
      error: { reason: "corrupt", message: expect.stringContaining("instead of") },
    });
    await writeFile(path, Buffer.concat([good, Buffer.of(0)]));
    expect(await reading()).toMatchObject({ bytes: 0, error: { reason: "corrupt" } });
    await rm(path);
    expect(await reading()).toMatchObject({
      error: { reason: "corrupt", message: expect.stringContaining("is missing") },
    });
    await writeFile(join(directory, "elsewhere"), good);
    await symlink("elsewhere", path);
    expect(await reading()).toMatchObject({
      error: { reason: "corrupt", message: expect.stringContaining("regular") },
    });
    await rm(path);
    await mkdir(path);
    expect(await reading()).toMatchObject({ error: { reason: "corrupt" } });
  });

  it("tells apart stored bytes that are right from plain bytes that are not", async () => {
    const directory = await scratch();
    const entry = await stored(directory, bytesOf(content), gzip);
    const wrong = { ...entry, plain: { ...entry.plain, sha256: "0".repeat(64) } };
    const { error, bytes } = await readUntilError(readArtifact(directory, wrong, codecOf));
    expect(error).toMatchObject({ reason: "corrupt", message: expect.stringContaining("when decoded") });
    expect(bytes).toBeLessThan(content.length);
    const bomb = { ...entry, plain: { ...entry.plain, bytes: 100 } };
    expect(await readUntilError(readArtifact(directory, bomb, codecOf))).toMatchObject({
      bytes: 0,
      error: { reason: "corrupt", message: expect.stringContaining("more than the 100 bytes") },
    });
  });

  it("follows no folder that is a link", async () => {
    const directory = await scratch();
    await mkdir(join(directory, "d"));
    const entry = await stored(directory, bytesOf("x"), none, "d/a");
    await rename(join(directory, "d"), join(directory, "e"));
    await symlink("e", join(directory, "d"));
    expect(await readUntilError(readArtifact(directory, entry, codecOf))).toMatchObject({
      error: { reason: "corrupt" },
    });
  });
});
