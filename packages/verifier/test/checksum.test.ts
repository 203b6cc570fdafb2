import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codecs } from "@sutazai/backup-compressor";
import type { Bytes, Manifest, Store } from "@sutazai/backup-core";
import { directoryStore } from "@sutazai/backup-store";
import { describe, expect, it, onTestFinished } from "vitest";
import { verifyChecksum, verifyStructure } from "../src/index.ts";
import { formOf, lineAdapter, linesOf } from "./line-format.ts";

const never = new AbortController().signal;

async function* bytesOf(text: string): Bytes {
  yield Buffer.from(text);
}

/** A real store with one backup, verified by its structure before it was published, as the engine does it. */
async function published(): Promise<{ store: Store; manifest: Manifest; directory: string }> {
  const path = await mkdtemp(join(tmpdir(), "verifier-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const store = directoryStore({ path, codec: codecs.zstd, codecOf: (name) => codecs[name] });
  await store.prepare();
  await using _lock = await store.lock("shared", { wait: false, signal: never });
  await using staged = await store.begin("redis", "redis");
  await staged.write("a.txt", bytesOf(linesOf(1000)));
  const forms = [formOf("dump", ["a.txt"], { "lines:a.txt": { exact: 1000 } })];
  const before = await verifyStructure(
    { artifacts: staged.artifacts, forms, details: null, read: (name) => staged.read(name) },
    lineAdapter,
    never,
  );
  expect(before).toMatchObject({ ok: true, evidence: { factsSettled: 1 } });
  const manifest = await staged.publish({
    parents: [],
    runId: "run",
    purpose: "backup",
    status: "ok",
    startedAt: "2026-11-23T13:00:00Z",
    endedAt: "2026-11-23T13:00:01Z",
    madeBy: "test",
    serverVersion: "1",
    container: null,
    empty: false,
    incomplete: [],
    warnings: [],
    forms,
    details: null,
  });
  await store.annotate(manifest.id, "verification", before);
  return { store, manifest, directory: join(path, "redis", manifest.id) };
}

describe("a published backup", () => {
  it("passes both levels, and the result is kept as an annotation", async () => {
    const { store, manifest } = await published();
    const checksum = await verifyChecksum(store, manifest.id, never);
    expect(checksum).toMatchObject({
      level: "checksum",
      ok: true,
      problems: [],
      evidence: { files: 1, bytes: manifest.artifacts[0]?.stored.bytes },
    });
    const source = await store.open(manifest.id);
    const structure = await verifyStructure(
      { ...source.manifest, read: (name) => source.read(name) },
      lineAdapter,
      never,
    );
    expect(structure).toMatchObject({ ok: true, evidence: { files: 1, bytes: linesOf(1000).length, factsSettled: 1 } });
    await store.annotate(manifest.id, "verification", checksum);
    expect((await store.annotations(manifest.id)).at(-1)).toMatchObject({ kind: "verification", value: checksum });
  });

  it("damaged in any file fails: artifacts at both levels, the manifest at the first", async () => {
    const { store, manifest, directory } = await published();
    for (const file of (await readdir(directory)).filter((name) => name !== "annotations")) {
      const path = join(directory, file);
      const good = await readFile(path);
      const bad = Buffer.from(good);
      const at = Math.floor(bad.length / 2);
      bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
      await writeFile(path, bad);
      expect(await verifyChecksum(store, manifest.id, never), file).toMatchObject({
        ok: false,
        problems: [expect.any(String)],
      });
      await writeFile(path, file === "manifest.json" ? "{}" : good.subarray(0, good.length - 2));
      expect((await verifyChecksum(store, manifest.id, never)).ok).toBe(false);
      await writeFile(path, good);
    }
    expect((await verifyChecksum(store, manifest.id, never)).ok).toBe(true);
    const path = join(directory, "a.txt.zst");
    const good = await readFile(path);
    for (const end of [good.length - 2, 5, 0]) {
      await writeFile(path, good.subarray(0, end));
      const source = await store.open(manifest.id);
      const read = (name: string): Bytes => source.read(name);
      const structure = await verifyStructure({ ...source.manifest, read }, lineAdapter, never);
      expect(structure.problems).toEqual([expect.stringContaining("a.txt: ")]);
    }
  });

  it("that is not there, or not looked at to the end, is thrown, never a finding", async () => {
    const { store, manifest } = await published();
    await expect(verifyChecksum(store, "20261123T130000.123Z-aaaaaa", never)).rejects.toMatchObject({
      reason: "not-found",
    });
    await expect(verifyChecksum(store, manifest.id, AbortSignal.abort())).rejects.toMatchObject({
      reason: "cancelled",
    });
  });
});
