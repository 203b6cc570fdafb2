import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { isBackupError, type Manifest, type Store } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, filesBelow, never, openStore, publishSample } from "./support.ts";

const line = (text: string) => `${text}\n${createHash("sha256").update(text).digest("hex")}\n`;

async function published(): Promise<{
  readonly store: Store;
  readonly manifest: Manifest;
  readonly directory: string;
}> {
  const store = await openStore();
  const manifest = await publishSample(store, { artifacts: { "a.sql": "select 1;\n".repeat(50), "b/c.sql": "x" } });
  return { store, manifest, directory: join(store.location, "postgres", manifest.id) };
}

/** What it throws; undefined where it throws nothing. Anything but a BackupError fails the test. */
async function refusalOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!isBackupError(error)) throw error;
    return error.reason;
  }
}

/** Bytes with a piece taken out, or doubled, and others put there. */
const damage = fc.tuple(fc.nat(), fc.nat(60), fc.integer({ min: -60, max: 60 }), fc.uint8Array({ maxLength: 4 }));
function damaged(bytes: Buffer, [at, skipped, from, between]: typeof damage extends fc.Arbitrary<infer T> ? T : never) {
  const start = at % (bytes.length + 1);
  const end = Math.max(0, Math.min(bytes.length, from < 0 ? start + from : start + skipped));
  return Buffer.concat([bytes.subarray(0, start), between, bytes.subarray(end)]);
}

describe("hostile annotations", () => {
  it.each([
    ["no JSON, of the right digest", line("{")],
    ["nested without an end", line(`{"kind":"pin","at":"x","value":${"[".repeat(50_000)}${"]".repeat(50_000)}}`)],
    ["of another shape", line('{"kind":"pin"}')],
    ["with more behind it", `${line('{"kind":"pin","at":"x","value":1}')}${"\n".repeat(100_000)}`],
    ["nothing but line ends", "\n".repeat(1_000_000)],
    ["empty", ""],
  ])("are refused as corrupt: %s", async (_, content) => {
    const { store, manifest, directory } = await published();
    await mkdir(join(directory, "annotations"));
    await writeFile(join(directory, "annotations", "000001.json"), content);
    expect(await refusalOf(() => store.annotations(manifest.id))).toBe("corrupt");
    expect((await store.checkIntegrity(manifest.id, never)).problems).toEqual([
      expect.stringMatching(/000001\.json is damaged/),
    ]);
  });

  it("with any damage are as they were, or refused", async () => {
    const { store, manifest, directory } = await published();
    await store.annotate(manifest.id, "pin", { why: "the auditors" });
    const path = join(directory, "annotations", "000001.json");
    const good = await readFile(path);
    const before = await store.annotations(manifest.id);
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        await writeFile(path, damaged(good, what));
        const reason = await refusalOf(async () => expect(await store.annotations(manifest.id)).toEqual(before));
        expect([undefined, "corrupt"]).toContain(reason);
      }),
      { numRuns: 200 },
    );
  });

  it("cannot use up the numbers: what is added is always read back", async () => {
    const { store, manifest, directory } = await published();
    await store.annotate(manifest.id, "first", 1);
    const names = ["9007199254740993.json", `${"9".repeat(30)}.json`, `${"9".repeat(200)}.json`];
    for (const name of names) await writeFile(join(directory, "annotations", name), line("{}"));
    await store.annotate(manifest.id, "second", 2);
    expect((await store.annotations(manifest.id)).map(({ kind }) => kind)).toEqual(["first", "second"]);
    expect((await store.checkIntegrity(manifest.id, never)).problems).toEqual(
      expect.arrayContaining(names.map((name) => `annotations/${name}: is not in the manifest`)),
    );
    await writeFile(join(directory, "annotations", "999999999.json"), line("{}"));
    expect(await refusalOf(() => store.annotate(manifest.id, "third", 3))).toBe("corrupt");
  });

  it("are added behind any number of others", async () => {
    const { store, manifest, directory } = await published();
    await store.annotate(manifest.id, "first", 1);
    await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        writeFile(join(directory, "annotations", `${String(index * 7 + 2).padStart(6, "0")}.json`), line("{}")),
      ),
    );
    await store.annotate(manifest.id, "last", 2);
    expect((await readdir(join(directory, "annotations"))).toSorted().at(-1)).toBe("002096.json");
  });
});

describe("a hostile manifest", () => {
  const names = fc.oneof(
    fc.constantFrom(
      "..",
      ".",
      "",
      "/",
      "/etc/hostname",
      "../outside",
      "b/../../outside",
      "b//c.sql.gz",
      "./a.sql.gz",
      "a.sql.gz/",
      "a.sql.gz/x",
      "a.sql.gz\0",
      "..\\outside",
      "manifest.json",
      "annotations/000001.json",
      "b",
      "x".repeat(5_000),
      "a/".repeat(3_000),
    ),
    fc.string({ maxLength: 20 }),
    fc
      .array(fc.constantFrom("..", ".", "", "b", "a.sql.gz", "outside"), { maxLength: 5 })
      .map((parts) => parts.join("/")),
  );

  it("has nothing read that is not an artifact of its own, whatever file it names", async () => {
    const { store, manifest, directory } = await published();
    await writeFile(join(store.location, "outside"), "secret");
    await writeFile(join(store.location, "postgres", "outside"), "secret");
    const own = new Set((await filesBelow(directory)).filter((file) => file !== "manifest.json"));
    await fc.assert(
      fc.asyncProperty(names, async (file) => {
        const [first, ...rest] = manifest.artifacts;
        const entry = { ...first!, file, codec: "none", stored: { bytes: 6, sha256: digestOf("secret") } };
        const hostile = { ...manifest, artifacts: [{ ...entry, plain: entry.stored }, ...rest] };
        await writeFile(join(directory, "manifest.json"), JSON.stringify(hostile));
        const reason = await refusalOf(async () => {
          const content = await collect((await store.open(manifest.id)).read(first!.name));
          expect(own).toContain(file);
          expect(content.toString()).not.toContain("secret");
        });
        expect(reason).toBe("corrupt");
        expect((await store.checkIntegrity(manifest.id, never)).problems).not.toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("is stopped at the byte where a stored bomb gives more than it says, without asking for the rest", async () => {
    const { store, manifest, directory } = await published();
    const [first, ...rest] = manifest.artifacts;
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
    await writeFile(join(directory, first!.file), bomb);
    const stored = { bytes: bomb.length, sha256: digestOf(bomb) };
    await writeFile(
      join(directory, "manifest.json"),
      JSON.stringify({
        ...manifest,
        artifacts: [{ ...first!, stored, plain: { ...stored, bytes: 100_000 } }, ...rest],
      }),
    );
    let given = 0;
    const reason = await refusalOf(async () => {
      for await (const chunk of (await store.open(manifest.id)).read(first!.name)) given += chunk.length;
    });
    expect(reason).toBe("corrupt");
    expect(given).toBeLessThanOrEqual(100_000);
  });

  it("of any damage is refused or told: it is never listed as another backup", async () => {
    const { store, manifest, directory } = await published();
    const path = join(directory, "manifest.json");
    const good = await readFile(path);
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        const bad = damaged(good, what);
        await writeFile(path, bad);
        const { problems } = await store.checkIntegrity(manifest.id, never);
        expect(problems.length === 0).toBe(bad.equals(good));
        const [listed, ...others] = await store.list();
        expect(others).toEqual([]);
        expect(listed).toMatchObject({ id: manifest.id, database: "postgres" });
        await refusalOf(() => store.open(manifest.id));
      }),
      { numRuns: 200 },
    );
  });
});

describe("hostile files of the store itself", () => {
  it("a log with any damage never stops a backup, and is told unless it is a log", async () => {
    const { store } = await published();
    await publishSample(store);
    const path = join(store.location, "log.jsonl");
    const good = await readFile(path);
    const before = await store.log();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          damage.map((what) => damaged(good, what)),
          fc.uint8Array(),
        ),
        async (bytes) => {
          await writeFile(path, bytes);
          const reason = await refusalOf(async () => {
            const entries = await store.log();
            // Whole lines lost from its end are what the head sent out with each report is for.
            expect(before.slice(0, entries.length)).toEqual(entries);
          });
          expect([undefined, "corrupt"]).toContain(reason);
        },
      ),
      { numRuns: 300 },
    );
    await writeFile(path, Buffer.concat([Buffer.alloc(8 * 1024 * 1024, '"'), Buffer.from('\n{"digest":"\n')]));
    await publishSample(store);
    expect(await refusalOf(() => store.log())).toBe("corrupt");
  }, 60_000);

  it("locks and staging of any content hold nobody up for ever, and nothing outside of the store is removed", async () => {
    const { store, directory } = await published();
    const lock = join(store.location, ".locks");
    await mkdir(lock, { recursive: true });
    const staging = join(store.location, ".staging");
    const whole = await filesBelow(directory);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.json(), fc.constant("[".repeat(50_000)), fc.constant(`{"owner":{"pid":${2 ** 60}}}`)),
        async (content) => {
          await writeFile(join(lock, "exclusive-x.json"), content);
          for (const name of ["x.json", "..json", "...json"]) await writeFile(join(staging, name), content);
          await refusalOf(() => store.lockHolders());
          await refusalOf(() => store.removeOrphans());
          expect(await filesBelow(directory)).toEqual(whole);
          await rm(join(lock, "exclusive-x.json"), { force: true });
        },
      ),
      { numRuns: 30 },
    );
  });
});

function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
