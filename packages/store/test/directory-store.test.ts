import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { databaseKinds, isBackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostile } from "./hostile-names.ts";
import {
  bytesOf,
  collect,
  draftOf,
  filesBelow,
  never,
  none,
  openStore,
  publishSample,
  scratch,
  storeAt,
} from "./support.ts";

const run = promisify(execFile);

describe("publishing", () => {
  it("puts each kind where the design has it, and shows what was written", async () => {
    const store = await openStore();
    for (const kind of databaseKinds) await publishSample(store, { database: kind, kind });
    await publishSample(store, { database: "second postgres", kind: "postgres" });
    const manifests = (await filesBelow(store.location)).filter((file) => file.endsWith("manifest.json"));
    expect(manifests.map((file) => file.replace(/\/[^/]+\/manifest\.json$/, ""))).toEqual([
      "neo4j",
      "postgres",
      "redis",
      "second%20postgres",
      "vector-databases/chromadb",
      "vector-databases/faiss",
      "vector-databases/qdrant",
    ]);
    const listed = await store.list();
    expect(listed.map(({ database }) => database).sort()).toEqual([...databaseKinds, "second postgres"].sort());
    expect(listed.every(({ problem }) => problem === undefined)).toBe(true);
    expect((await store.list("second postgres")).map(({ database }) => database)).toEqual(["second postgres"]);
  });

  it("round-trips artifacts, compressed and not, and records both digests", async () => {
    const store = await openStore();
    await using staged = await store.begin("postgres", "postgres");
    await staged.write("databases/my app.sql", bytesOf("select 1;\n", "select 2;\n"));
    await staged.write("base.tar", bytesOf("compressed already"), { compressed: true });
    await staged.write("empty", bytesOf());
    expect(staged.artifacts.map(({ file, codec }) => [file, codec])).toEqual([
      ["databases/my%20app.sql.gz", "gzip"],
      ["base.tar", "none"],
      ["empty.gz", "gzip"],
    ]);
    expect((await collect(staged.read("databases/my app.sql"))).toString()).toBe("select 1;\nselect 2;\n");
    const manifest = await staged.publish(draftOf(["databases/my app.sql", "base.tar", "empty"]));

    const source = await store.open(manifest.id);
    expect(source.manifest).toEqual(manifest);
    expect((await collect(source.read("databases/my app.sql"))).toString()).toBe("select 1;\nselect 2;\n");
    expect(await collect(source.read("empty"))).toHaveLength(0);
    expect(() => source.read("nothing")).toThrow(expect.objectContaining({ reason: "not-found" }));
    // What a person does by hand: the recorded digests are those of sha256sum, the files those of gunzip.
    const directory = join(store.location, "postgres", manifest.id);
    for (const { file, stored, plain } of manifest.artifacts) {
      const { stdout } = await run("sha256sum", [file], { cwd: directory });
      expect(stdout.slice(0, 64)).toBe(stored.sha256);
      const decoded = file.endsWith(".gz") ? "gunzip -c" : "cat";
      const byHand = await run("sh", ["-c", `${decoded} "$1" | sha256sum`, "sh", file], { cwd: directory });
      expect(byHand.stdout.slice(0, 64)).toBe(plain.sha256);
    }
  });

  it("shows nothing before it is published and leaves nothing when it is not", async () => {
    const store = await openStore();
    {
      await using staged = await store.begin("postgres", "postgres");
      await staged.write("globals.sql", bytesOf("x"));
      expect(await store.list()).toEqual([]);
      await expect(store.open(staged.id)).rejects.toMatchObject({ reason: "not-found" });
    }
    expect(await filesBelow(join(store.location, ".staging"))).toEqual([]);
    expect(await readdir(store.location)).not.toContain("postgres");
  });

  it("leaves nothing of an artifact whose content fails, also when several are written at once", async () => {
    const store = await openStore({ codec: none });
    await using staged = await store.begin("redis", "redis");
    const broken = async function* () {
      yield Buffer.alloc(1_000_000);
      throw new Error("the connection is gone");
    };
    const results = await Promise.allSettled([
      staged.write("parts/a", bytesOf("a")),
      staged.write("broken/b", broken()),
      staged.write("parts/c", bytesOf("c")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await staged.write("b again", bytesOf("b"));
    const manifest = await staged.publish(draftOf(["parts/a", "parts/c", "b again"]));
    const report = await store.checkIntegrity(manifest.id, never);
    expect(report.problems).toEqual([]);
    expect((await readdir(join(store.location, "redis", manifest.id))).sort()).toEqual([
      "b%20again",
      "manifest.json",
      "parts",
    ]);
  });

  it("does not publish what is incomplete: a form's artifact missing, a write under way, a manifest that cannot be read", async () => {
    const store = await openStore();
    await using staged = await store.begin("redis", "redis");
    await staged.write("dump.rdb", bytesOf("REDIS"));
    await expect(staged.publish(draftOf(["dump.rdb", "appendonly.tar"]))).rejects.toMatchObject({
      reason: "incomplete",
    });
    let finish = () => {};
    const waiting = new Promise<void>((resolve) => (finish = resolve));
    const slow = staged.write(
      "slow",
      (async function* () {
        await waiting;
        yield Buffer.from("x");
      })(),
    );
    await expect(staged.publish(draftOf(["dump.rdb"]))).rejects.toMatchObject({ reason: "incomplete" });
    finish();
    await slow;
    await expect(staged.publish(draftOf(["dump.rdb"], { startedAt: "yesterday" }))).rejects.toThrow(
      /could not be read again/,
    );
    expect(await store.list()).toEqual([]);
    await staged.publish(draftOf(["dump.rdb"]));
    expect(await store.list()).toHaveLength(1);
    await expect(staged.write("late", bytesOf("x"))).rejects.toMatchObject({ reason: "cancelled" });
  });

  it("waits for a publishing under way when disposed of, and keeps what became of it", async () => {
    const store = await openStore();
    const staged = await store.begin("postgres", "postgres");
    await staged.write("globals.sql", bytesOf("x"));
    const publishing = staged.publish(draftOf(["globals.sql"]));
    await staged[Symbol.asyncDispose]();
    expect((await store.list()).map(({ id }) => id)).toEqual([(await publishing).id]);
  });

  it("ends a write whose backup is disposed of meanwhile", async () => {
    const store = await openStore();
    const staged = await store.begin("redis", "redis");
    let released = false;
    const endless = async function* () {
      try {
        for (;;) {
          yield Buffer.alloc(10_000);
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        released = true;
      }
    };
    const write = staged.write("endless", endless()).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await staged[Symbol.asyncDispose]();
    expect(await write).toMatchObject({ reason: "cancelled" });
    expect(released).toBe(true);
    expect(await filesBelow(join(store.location, ".staging"))).toEqual([]);
  });

  it("pulls no faster than it can write: what is buffered is bounded", async () => {
    const store = await openStore({ codec: none });
    await using staged = await store.begin("redis", "redis");
    const chunk = Buffer.alloc(64 * 1024, 7);
    const before = process.memoryUsage().rss;
    let highest = 0;
    await staged.write(
      "big",
      (async function* () {
        for (let index = 0; index < 4096; index += 1) {
          yield chunk;
          if (index % 64 === 0) highest = Math.max(highest, process.memoryUsage().rss);
        }
      })(),
    );
    expect(staged.artifacts[0]?.plain.bytes).toBe(256 * 1024 * 1024);
    expect(highest - before).toBeLessThan(100 * 1024 * 1024);
  }, 60_000);
});

describe("hostile names", () => {
  it("of databases and artifacts come back as they were, from files that stay in their place", async () => {
    const store = await openStore({ codec: none });
    const named = hostile.filter((name) => name !== "");
    await fc.assert(
      fc.asyncProperty(
        named,
        fc.constantFrom(...databaseKinds),
        fc.uniqueArray(named, { minLength: 1, maxLength: 6 }),
        async (database, kind, names) => {
          const artifacts = Object.fromEntries(names.map((name, index) => [name, `content ${index}`]));
          fc.pre(Object.keys(artifacts).length === names.length); // Not `__proto__`.
          const { id } = await publishSample(store, { database, kind, artifacts });
          const source = await store.open(id);
          expect(source.manifest.database).toBe(database);
          for (const [name, content] of Object.entries(artifacts)) {
            expect((await collect(source.read(name))).toString()).toBe(content);
          }
          expect((await store.checkIntegrity(id, never)).problems).toEqual([]);
          expect((await store.list(database)).map((backup) => backup.id)).toContain(id);
        },
      ),
      { numRuns: 40 },
    );
    // Nothing came to lie anywhere but in the folder of a backup.
    const files = await filesBelow(store.location);
    expect(
      files.filter((file) => !/^((vector-databases\/)?[^/.]+\/\d{8}T[^/]+Z-[^/]+\/|log\.jsonl$|\.locks\/)/.test(file)),
    ).toEqual([]);
    expect((await store.list()).filter(({ problem }) => problem !== undefined)).toEqual([]);
  }, 60_000);
});

describe("order", () => {
  it("numbers each database's backups, also past deleted ones and with a clock that goes backwards", async () => {
    let time = Date.parse("2026-11-23T13:00:00Z");
    const store = storeAt(join(await scratch(), "s"), { now: () => new Date((time -= 60_000)) });
    await store.prepare();
    await using _shared = await store.lock("shared", { wait: false, signal: never });
    const first = await publishSample(store);
    const other = await publishSample(store, { database: "other", kind: "redis" });
    const second = await publishSample(store);
    expect([first.sequence, other.sequence, second.sequence]).toEqual([1, 1, 2]);
    expect((await store.list("postgres")).map(({ id }) => id)).toEqual([first.id, second.id]);
    await _shared[Symbol.asyncDispose]();
    {
      await using _exclusive = await store.lock("exclusive", { wait: false, signal: never });
      await store.delete(second.id);
    }
    await using _again = await store.lock("shared", { wait: false, signal: never });
    expect((await publishSample(store)).sequence).toBe(3);
    expect((await store.log()).map(({ action, backupSequence }) => [action, backupSequence])).toEqual([
      ["publish", 1],
      ["publish", 1],
      ["publish", 2],
      ["delete", 2],
      ["publish", 3],
    ]);
  });

  it("numbers on from what is published where the log was lost", async () => {
    const store = await openStore();
    await publishSample(store);
    await publishSample(store);
    await rm(join(store.location, "log.jsonl"));
    expect((await publishSample(store)).sequence).toBe(3);
    expect((await store.log()).map(({ backupSequence }) => backupSequence).sort((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it("gives parallel publishers different numbers", async () => {
    const store = await openStore();
    const other = storeAt(store.location);
    await using _lock = await other.lock("shared", { wait: false, signal: never });
    const manifests = await Promise.all([store, other, store, other, store].map((each) => publishSample(each)));
    expect(manifests.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(await store.log()).toHaveLength(5);
  });
});

describe("locks", () => {
  it("are needed for beginning and deleting", async () => {
    const store = storeAt(join(await scratch(), "s"));
    await store.prepare();
    await expect(store.begin("redis", "redis")).rejects.toMatchObject({ reason: "locked" });
    await using _shared = await store.lock("shared", { wait: false, signal: never });
    const { id } = await publishSample(store);
    await expect(store.delete(id)).rejects.toMatchObject({ reason: "locked" });
    expect(await store.list()).toHaveLength(1);
  });

  it("broken meanwhile: publishing is refused and nothing appears", async () => {
    const store = await openStore();
    await using staged = await store.begin("redis", "redis");
    await staged.write("dump.rdb", bytesOf("REDIS"));
    expect(await storeAt(store.location).unlock()).toMatchObject([{ mode: "shared", liveness: "alive" }]);
    await expect(staged.publish(draftOf(["dump.rdb"]))).rejects.toMatchObject({ reason: "locked" });
    expect(await store.list()).toEqual([]);
    expect(await store.log()).toEqual([]);
  });
});

describe("deleting", () => {
  it("removes every trace, leaves a tombstone, and takes damaged backups too", async () => {
    const store = storeAt(join(await scratch(), "s"));
    await store.prepare();
    const shared = await store.lock("shared", { wait: false, signal: never });
    const kept = await publishSample(store);
    const gone = await publishSample(store);
    const damaged = await publishSample(store);
    await writeFile(join(store.location, "postgres", damaged.id, "manifest.json"), "{");
    await shared[Symbol.asyncDispose]();
    await using _exclusive = await store.lock("exclusive", { wait: false, signal: never });
    await store.delete(gone.id);
    await store.delete(damaged.id);
    expect((await store.list()).map(({ id }) => id)).toEqual([kept.id]);
    expect(await readdir(join(store.location, "postgres"))).toEqual([kept.id]);
    expect(await readdir(join(store.location, ".staging"))).toEqual([]);
    const log = await store.log();
    expect(log.slice(3).map(({ action, backup }) => [action, backup])).toEqual([
      ["delete", gone.id],
      ["delete", damaged.id],
    ]);
    expect(log[3]?.manifest).toBe(log[1]?.manifest);
    await expect(store.delete(gone.id)).rejects.toMatchObject({ reason: "not-found" });
    await expect(store.delete("../postgres")).rejects.toMatchObject({ reason: "not-found" });
  });
});

describe("annotations", () => {
  it("are kept in order, beside the backup, and are no extra files", async () => {
    const store = await openStore();
    const { id } = await publishSample(store);
    expect(await store.annotations(id)).toEqual([]);
    await store.annotate(id, "verification", { level: "checksum", ok: true });
    await Promise.all(Array.from({ length: 8 }, (_, index) => store.annotate(id, "pin", index)));
    const found = await store.annotations(id);
    expect(found[0]).toMatchObject({ kind: "verification", value: { level: "checksum", ok: true } });
    expect(new Set(found.slice(1).map(({ value }) => value))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(found).toHaveLength(9);
    expect((await store.checkIntegrity(id, never)).problems).toEqual([]);
    await expect(store.annotate("20261123T130000.123Z-aaaaaa", "pin", 1)).rejects.toMatchObject({
      reason: "not-found",
    });
  });

  it("are not believed once damaged", async () => {
    const store = await openStore();
    const { id } = await publishSample(store);
    await store.annotate(id, "pin", "for the auditors");
    const file = join(store.location, "postgres", id, "annotations", "000001.json");
    await writeFile(file, (await readFile(file, "utf8")).replace('"pin"', '"pim"'));
    await expect(store.annotations(id)).rejects.toMatchObject({ reason: "corrupt" });
    expect((await store.checkIntegrity(id, never)).problems).toHaveLength(1);
  });
});

describe("listing", () => {
  it("names what is damaged and never stumbles over what is not its own", async () => {
    const store = await openStore();
    const good = await publishSample(store);
    const newer = await publishSample(store);
    const renamed = await publishSample(store);
    const strange = await publishSample(store);
    const moved = await publishSample(store);
    const bare = await publishSample(store);
    const at = (id: string, ...more: string[]) => join(store.location, "postgres", id, ...more);
    await writeFile(at(newer.id, "manifest.json"), JSON.stringify({ ...newer, version: 99 }));
    await rename(at(renamed.id), at("my copy"));
    await writeFile(at(strange.id, "manifest.json"), Buffer.from([0, 255, 254, 1]));
    await mkdir(join(store.location, "redis"), { recursive: true });
    await rename(at(moved.id), join(store.location, "redis", moved.id));
    await rm(at(bare.id, "manifest.json"));
    await mkdir(join(store.location, "lost+found"), { mode: 0 });
    await mkdir(at("notes"));
    await writeFile(at("notes", "todo.txt"), "x");
    await writeFile(join(store.location, "README"), "x");
    const listed = await store.list();
    expect(listed.map(({ id, problem }) => [id, problem?.reason])).toEqual(
      expect.arrayContaining([
        [good.id, undefined],
        [newer.id, "incompatible-version"],
        ["my copy", "corrupt"],
        [strange.id, "corrupt"],
        [moved.id, "corrupt"],
        [bare.id, "corrupt"],
      ]),
    );
    expect(listed).toHaveLength(6);
    expect(listed.find(({ id }) => id === moved.id)?.database).toBe("redis");
    for (const { id, problem } of listed.filter((backup) => ![good.id, "my copy"].includes(backup.id))) {
      await expect(store.open(id)).rejects.toMatchObject({ reason: problem?.reason });
    }
    expect(await store.list("nothing of that name")).toEqual([]);
  });

  it("of no store at all is an error that says so", async () => {
    const store = storeAt(join(await scratch(), "typo"));
    await expect(store.list()).rejects.toMatchObject({ reason: "not-found", hint: expect.stringContaining("path") });
  });
});

describe("reports and space", () => {
  it("writes a report whole, replaces it, and takes no name that leads elsewhere", async () => {
    const store = await openStore();
    const path = await store.writeReport("master_backup_report_1.json", { ok: false });
    expect(await store.writeReport("master_backup_report_1.json", { ok: true })).toBe(path);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ ok: true });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const name of ["../x.json", "/tmp/x.json", "log.jsonl", ".json", "a/b.json", ".staging"]) {
      const refused = await store.writeReport(name, {}).catch((error: unknown) => error);
      expect(isBackupError(refused) && refused.reason).toBe("unsupported");
    }
    expect(await readdir(join(store.location, ".staging"))).toEqual([]);
  });

  it("tells the free space, or that it cannot be told", async () => {
    const store = await openStore();
    expect(await store.freeSpace()).toBeGreaterThan(0);
    expect(await storeAt("/nowhere/at/all").freeSpace()).toBeUndefined();
  });
});

describe("orphans", () => {
  it("of living processes are left alone", async () => {
    const store = await openStore();
    await using staged = await store.begin("redis", "redis");
    await staged.write("dump.rdb", bytesOf("REDIS"));
    expect(await storeAt(store.location).removeOrphans()).toEqual([]);
    await staged.publish(draftOf(["dump.rdb"]));
    expect(await store.list()).toHaveLength(1);
  });
});
