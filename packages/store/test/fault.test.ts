import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  bytesOf,
  draftOf,
  filesBelow,
  injected,
  never,
  none,
  openStore,
  overFiles,
  publishSample,
  scratch,
  storeAt,
} from "./support.ts";

/** Makes a method of open files fail at its nth call from now. */
const failing = (method: "appendFile" | "sync", nth: number, code: string) =>
  overFiles(method, (call, proceed, args) => (call === nth ? Promise.reject(injected(code)) : proceed(...args)));

describe("a disk that fails", () => {
  it("while the log is written: the backup is taken back, and can be published once there is room", async () => {
    const store = await openStore();
    const before = await publishSample(store);
    await using staged = await store.begin("postgres", "postgres");
    await staged.write("dump.sql", bytesOf("select 1;\n"));
    const restore = await failing("appendFile", 1, "ENOSPC");
    await expect(staged.publish(draftOf(["dump.sql"]))).rejects.toMatchObject({
      reason: "no-space",
      database: "postgres",
      hint: expect.stringContaining("free space"),
    });
    restore();
    expect((await store.list()).map(({ id }) => id)).toEqual([before.id]);
    expect(await store.log()).toHaveLength(1);
    const manifest = await staged.publish(draftOf(["dump.sql"]));
    expect(manifest.sequence).toBe(2);
    expect((await store.checkIntegrity(manifest.id, never)).problems).toEqual([]);
  });

  it("while the log is written, deleting: the backup is still there, whole", async () => {
    const store = storeAt(join(await scratch(), "s"));
    await store.prepare();
    await using _lock = await store.lock("exclusive", { wait: false, signal: never });
    const { id } = await publishSample(store);
    const restore = await failing("appendFile", 1, "EIO");
    await expect(store.delete(id)).rejects.toThrow(/EIO/);
    restore();
    expect((await store.checkIntegrity(id, never)).problems).toEqual([]);
    expect(await filesBelow(join(store.location, ".staging"))).toEqual([]);
    await store.delete(id);
    expect(await store.list()).toEqual([]);
  });

  it("at any fsync: either published, in order and logged, or not there at all", async () => {
    let failures = 0;
    for (let nth = 1; nth < 40; nth += 1) {
      const store = await openStore();
      const restore = await failing("sync", nth, "EIO");
      const outcome = await publishSample(store, { artifacts: { "a/b": "1", c: "2" } }).then(
        ({ id }) => [id],
        () => [],
      );
      restore();
      failures += outcome.length === 0 ? 1 : 0;
      expect((await store.list()).map(({ id }) => id)).toEqual(outcome);
      for (const id of outcome) expect((await store.checkIntegrity(id, never)).problems).toEqual([]);
      expect(await filesBelow(join(store.location, ".staging"))).toEqual([]);
      expect((await store.log()).map(({ backup }) => backup)).toEqual(outcome);
    }
    expect(failures).toBeGreaterThan(8);
    expect(failures).toBeLessThan(39);
  }, 60_000);
});

const mounting = (() => {
  const probe = "/tmp/store-mount-probe";
  try {
    execFileSync("mkdir", ["-p", probe]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "pipe" });
    execFileSync("umount", [probe]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  } finally {
    execFileSync("rm", ["-rf", probe]);
  }
})();
if (mounting !== undefined) {
  process.stderr.write(`not run, since nothing can be mounted here: tests on a full disk (${mounting})\n`);
}

describe.runIf(mounting === undefined)("a small disk of its own", () => {
  async function mounted(options: string): Promise<string> {
    const path = join(await scratch(), "disk");
    await mkdir(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", `mode=0700,${options}`, "tmpfs", path]);
    onTestFinished(() => void execFileSync("umount", [path]));
    return path;
  }

  it("full in the middle of an artifact: no-space, what to do, and nothing left of it", async () => {
    const path = await mounted("size=2m");
    const store = storeAt(path, { codec: none });
    await store.prepare();
    await using _lock = await store.lock("shared", { wait: false, signal: never });
    const earlier = await publishSample(store);
    let pulled = 0;
    const endless = async function* () {
      for (;;) {
        pulled += 1;
        yield Buffer.alloc(50_000, pulled);
      }
    };
    {
      await using staged = await store.begin("redis", "redis");
      await staged.write("small", bytesOf("x"));
      await expect(staged.write("dump.rdb", endless())).rejects.toMatchObject({
        reason: "no-space",
        database: "redis",
        hint: expect.stringContaining(path),
      });
      expect(pulled).toBeLessThan(100);
      // Only the failed one is gone: there is room for another.
      expect(staged.artifacts.map(({ name }) => name)).toEqual(["small"]);
      await staged.write("dump.rdb", bytesOf(Buffer.alloc(500_000)));
    }
    expect(await filesBelow(join(path, ".staging"))).toEqual([]);
    expect((await store.list()).map(({ id }) => id)).toEqual([earlier.id]);
    expect((await store.checkIntegrity(earlier.id, never)).problems).toEqual([]);
    expect(await store.freeSpace()).toBeGreaterThan(1_500_000);
    await publishSample(store, { database: "redis", kind: "redis" });
  });

  it("full to the last block: preparing and publishing say no-space, and what was there stays listed", async () => {
    const path = await mounted("size=1m");
    const store = storeAt(path, { codec: none });
    await store.prepare();
    await using _lock = await store.lock("shared", { wait: false, signal: never });
    const earlier = await publishSample(store);
    await using staged = await store.begin("redis", "redis");
    await staged.write("dump.rdb", bytesOf("REDIS"));
    execFileSync("sh", ["-c", `cat /dev/zero > ${join(path, "filler")} 2> /dev/null || true`]);
    await expect(store.prepare()).rejects.toMatchObject({ reason: "no-space" });
    await expect(staged.publish(draftOf(["dump.rdb"]))).rejects.toMatchObject({ reason: "no-space" });
    expect((await store.list()).map(({ id }) => id)).toEqual([earlier.id]);
    await rm(join(path, "filler"));
    await staged.publish(draftOf(["dump.rdb"]));
    expect(await store.list()).toHaveLength(2);
    expect(await store.log()).toHaveLength(2);
  });

  it("read-only: permission, before anything is begun; what is on it can be read", async () => {
    const path = await mounted("size=1m");
    const store = storeAt(path);
    await store.prepare();
    {
      await using _lock = await store.lock("shared", { wait: false, signal: never });
      await publishSample(store);
    }
    execFileSync("mount", ["-o", "remount,ro", path]);
    await expect(store.prepare()).rejects.toMatchObject({ reason: "permission", hint: expect.any(String) });
    const [backup] = await store.list();
    expect((await store.checkIntegrity(backup?.id ?? "", never)).problems).toEqual([]);
    expect(await readdir(join(path, ".staging"))).toEqual([]);
  });
});
