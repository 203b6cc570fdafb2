import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { currentProcess } from "@sutazai/backup-core";
import { describe, expect, it } from "vitest";
import { LockDirectory } from "../src/lock-directory.ts";
import { never, scratch, storeAt } from "./support.ts";

async function locks(): Promise<{ path: string; one: LockDirectory; other: LockDirectory }> {
  const path = await scratch();
  const make = () => new LockDirectory(path, "the store /s", () => new Date());
  return { path, one: make(), other: make() };
}

const atOnce = { patience: 0 };

describe("a lock", () => {
  it("is shared by many, or exclusive to one, and names who has it", async () => {
    const { one, other } = await locks();
    const first = await one.acquire("shared", atOnce);
    const second = await other.acquire("shared", atOnce);
    await expect(other.acquire("exclusive", atOnce)).rejects.toMatchObject({
      reason: "locked",
      message: expect.stringMatching(/the store \/s is locked by process \d+ on .* since 20/),
      details: { holder: `process ${process.pid} on ${(await currentProcess()).host}`, since: expect.any(String) },
    });
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    const exclusive = await other.acquire("exclusive", atOnce);
    await expect(one.acquire("shared", atOnce)).rejects.toMatchObject({ reason: "locked" });
    await exclusive[Symbol.asyncDispose]();
    await exclusive[Symbol.asyncDispose]();
    expect(await one.holders()).toEqual([]);
  });

  it("is waited for, until the signal ends the waiting", async () => {
    const { path, one, other } = await locks();
    const first = await one.acquire("exclusive", atOnce);
    const aborted = new AbortController();
    setTimeout(() => aborted.abort(), 50);
    await expect(other.acquire("shared", { patience: Infinity, signal: aborted.signal })).rejects.toMatchObject({
      reason: "cancelled",
    });
    const waiting = other.acquire("shared", { patience: Infinity, signal: never });
    setTimeout(() => void first[Symbol.asyncDispose](), 50);
    const second = await waiting;
    expect(await second.isHeld()).toBe(true);
    expect(await readdir(path)).toHaveLength(1);
  });

  it("of a dead process of this host is cleared away; a foreign one's, or what cannot be read, never is", async () => {
    const { path, one } = await locks();
    const self = await currentProcess();
    const lockOf = (owner: object) =>
      JSON.stringify({ since: "2026-11-23T13:00:00.000Z", owner: { ...self, ...owner } });
    await writeFile(join(path, "exclusive-dead.json"), lockOf({ startTime: "1" }));
    await writeFile(join(path, "shared-rebooted.json"), lockOf({ bootId: "another" }));
    expect((await one.holders()).map(({ liveness }) => liveness)).toEqual(["dead", "dead"]);
    const lock = await one.acquire("exclusive", atOnce);
    expect(await readdir(path)).toHaveLength(1);
    await lock[Symbol.asyncDispose]();

    await writeFile(join(path, "exclusive-foreign.json"), lockOf({ host: "elsewhere", bootId: "another" }));
    await expect(one.acquire("shared", atOnce)).rejects.toMatchObject({
      reason: "locked",
      details: { since: "2026-11-23T13:00:00.000Z", liveness: "foreign" },
      hint: expect.stringContaining("unlock"),
    });
    await writeFile(join(path, "exclusive-foreign.json"), "{ half");
    await expect(one.acquire("shared", atOnce)).rejects.toMatchObject({ reason: "locked" });
    expect(await one.breakAll()).toMatchObject([{ mode: "exclusive", liveness: "foreign" }]);
    await one.acquire("shared", atOnce);
  });

  it("knows when somebody broke it", async () => {
    const { one, other } = await locks();
    const lock = await one.acquire("shared", atOnce);
    expect(await lock.isHeld()).toBe(true);
    await other.breakAll();
    expect(await lock.isHeld()).toBe(false);
  });
});

describe("between processes", () => {
  it("an exclusive lock is held by one at a time, and never beside a shared one", async () => {
    const path = await scratch();
    await mkdir(join(path, "locks"));
    const children = Array.from({ length: 5 }, (_, index) =>
      fork(join(import.meta.dirname, "lock-contender.ts"), [path, String(index)], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number | null));
    expect(codes).toEqual(children.map(() => 0));
    // Every child wrote down when it entered and left; somebody exclusive and anybody else inside at once is a breach.
    const inside = new Set<string>();
    const breaches: string[] = [];
    let turns = 0;
    for (const line of (await readFile(join(path, "turns"), "utf8")).trim().split("\n")) {
      const [move, mode, who] = line.split(" ") as [string, string, string];
      if (move === "leave") inside.delete(`${mode} ${who}`);
      else {
        turns += 1;
        breaches.push(...[...inside].filter((other) => mode === "exclusive" || other.startsWith("exclusive")));
        inside.add(`${mode} ${who}`);
      }
    }
    expect(breaches).toEqual([]);
    expect(turns).toBe(5 * 12);
    expect(await readdir(join(path, "locks"))).toEqual([]);
  }, 120_000);

  it("a second run is told at once who holds the store, and takes over when that one was killed", async () => {
    const path = join(await scratch(), "backups");
    const store = storeAt(path);
    await store.prepare();
    const child = fork(join(import.meta.dirname, "lock-holder.ts"), [path], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await once(child, "message");
    await expect(store.lock("exclusive", { wait: false, signal: never })).rejects.toMatchObject({
      reason: "locked",
      message: expect.stringContaining(`process ${child.pid} on`),
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    await using lock = await store.lock("exclusive", { wait: false, signal: never });
    expect(lock.mode).toBe("exclusive");
    expect(await store.lockHolders()).toMatchObject([{ holder: expect.stringContaining(`process ${process.pid} on`) }]);
  }, 60_000);
});
