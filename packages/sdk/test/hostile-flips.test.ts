import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntime, DatabaseAdapter, Json } from "@sutazai/backup-core";
import { verifyStructure } from "@sutazai/backup-verifier";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBackupSystem, localStore, type BackupSystem } from "../src/index.ts";
import { FakeDatabase } from "./fake-database.ts";
import { bytesOf, storedSamples, type StoredSample } from "./stored-samples.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";
const damages = full ? 1_000 : 200;
const noDocker = { removeOrphans: async () => [] } as Partial<ContainerRuntime> as ContainerRuntime;

let directory: string;
let system: BackupSystem;
let samples: StoredSample[];
const fake = new FakeDatabase(
  "fake",
  Array.from({ length: 200 }, (_, index) => `line ${index}`),
);
/** Every stored artifact and manifest, with the backup and the database that it is of. */
let files: { readonly path: string; readonly good: Buffer; readonly id: string; readonly adapter: DatabaseAdapter }[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "flips-"));
  samples = await storedSamples();
  const databases: DatabaseAdapter[] = [fake, ...samples];
  system = createBackupSystem({
    databases,
    store: localStore({ path: join(directory, "store") }),
    containers: noDocker,
    stateDirectory: join(directory, "state"),
  });
  const report = await system.backup();
  expect(report.databases.map(({ database, status, error }) => [database, status, error?.message])).toEqual(
    databases.map(({ name }) => [name, "ok", undefined]),
  );
  const found = await readdir(join(directory, "store"), { recursive: true, withFileTypes: true });
  files = await Promise.all(
    found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .flatMap((path) => {
        const backup = report.databases.find(({ backup }) => path.includes(`/${backup?.id ?? "?"}/`));
        const adapter = databases.find(({ name }) => name === backup?.database);
        const id = backup?.backup?.id;
        return adapter === undefined || id === undefined || path.includes("/annotations/")
          ? []
          : [{ path, id, adapter }];
      })
      .map(async (file) => ({ ...file, good: await readFile(file.path) })),
  );
  // The manifests of five backups, and seven artifacts.
  expect(files).toHaveLength(12);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What verifying and restoring leave beside a backup: the next look shall not know of it. */
async function forget(path: string): Promise<void> {
  const backup = path.replace(/(\/\d{8}T[^/]*)\/.*$/, "$1");
  await rm(join(backup, "annotations"), { recursive: true, force: true });
  for (const name of await readdir(join(directory, "store"))) {
    if (name.startsWith("restore_report_")) await rm(join(directory, "store", name));
  }
}

// Without a bias: small numbers would be the first bytes of the first file again and again.
const anything = fc.noBias(fc.nat(2 ** 31 - 1));
const damage = fc.record({
  file: anything,
  place: anything,
  bit: fc.integer({ min: 0, max: 7 }),
  how: fc.constantFrom("flip", "flip", "flip", "cut"),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(good: Buffer, { place, bit, how }: Damage): Buffer {
  const at = place % good.length;
  if (how === "cut") return good.subarray(0, at);
  const flipped = Buffer.from(good);
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at);
  return flipped;
}

const touched = (adapter: DatabaseAdapter) =>
  adapter === fake ? fake.calls : (samples.find((sample) => sample === adapter)?.touched ?? ["?"]);

test(
  `${damages} random flips and truncations of stored artifacts and manifests: all are found, none is restored`,
  async () => {
    for (const adapter of [fake, ...samples]) touched(adapter).length = 0;
    const before = fake.lines;
    const hit = new Set<string>();
    await fc.assert(
      fc.asyncProperty(damage, async (what) => {
        const { path, good, id, adapter } = files[what.file % files.length]!;
        await writeFile(path, damaged(good, what));
        try {
          expect(await system.verify({ backup: id, level: "checksum" })).toMatchObject([{ id, ok: false }]);
          const { databases } = await system.restore({ databases: [adapter.name], backup: id });
          expect(databases).toMatchObject([
            { status: "failed", state: "untouched", error: { reason: expect.any(String) } },
          ]);
          expect(["corrupt", "incompatible-version"]).toContain(databases[0]?.error?.reason);
          expect(touched(adapter)).toEqual([]);
          hit.add(path);
        } finally {
          await writeFile(path, good);
          await forget(path);
        }
      }),
      { numRuns: damages, endOnFailure: true },
    );
    expect(hit.size).toBe(files.length);
    expect(fake.lines).toBe(before);
    expect((await system.verify()).map(({ ok, problems }) => [ok, problems])).toEqual(
      Array.from({ length: samples.length + 1 }, () => [true, []]),
    );
  },
  full ? 600_000 : 120_000,
);

describe("with the digests left out, by structure alone", () => {
  test("damage to a format with a checksum of its own is always found", async () => {
    const each = full ? 300 : 60;
    const found: Record<string, string> = {};
    for (const sample of samples) {
      const { manifest } = await system.show(files.find(({ adapter }) => adapter === sample)?.id ?? "");
      for (const [name, good] of Object.entries(sample.artifacts)) {
        let seen = 0;
        const picks = fc.sample(damage, { numRuns: each, seed: 20_261_123 });
        for (const what of picks) {
          const content = damaged(good, what);
          const { ok } = await verifyStructure(
            {
              artifacts: manifest.artifacts,
              forms: manifest.forms,
              details: withoutDigests(manifest.details),
              read: (asked) => bytesOf(asked === name ? content : (sample.artifacts[asked] ?? Buffer.alloc(0))),
            },
            sample,
            new AbortController().signal,
          );
          if (!ok) seen += 1;
        }
        found[`${sample.kind} ${name}`] = `${seen} of ${each}`;
      }
    }
    process.stdout.write(`found by structure alone: ${JSON.stringify(found, undefined, 1)}\n`);
    // Of these formats only an RDB has a checksum of all its bytes. What the others miss is padding, and what no fact tells of: for that there are digests.
    expect(found["redis dump.rdb"]).toBe(`${each} of ${each}`);
  });
});

/** SHA-256 in an adapter's own details. */
function withoutDigests(details: Json): Json {
  return typeof details === "object" && details !== null && "digests" in details
    ? { ...details, digests: {} }
    : details;
}
