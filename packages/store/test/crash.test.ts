import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { currentProcess, type Store } from "@sutazai/backup-core";
import { describe, expect, it } from "vitest";
import { filesBelow, never, openStore, publishSample, scratch, storeAt } from "./support.ts";

/** Lets a process publish until it is killed at a random moment; returns what it had said until then. */
async function killedPublisher(path: string, environment: Record<string, string>): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "publisher.ts"), path], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  await setTimeout(Math.random() * 60);
  child.kill("SIGKILL");
  await closed;
  return said.split("\n").slice(0, -1);
}

/** What has to hold at any time, also right after a crash. Returns the ids listed. */
async function assertConsistent(store: Store): Promise<string[]> {
  const listed = await store.list();
  for (const { id, problem } of listed) {
    expect(problem).toBeUndefined();
    expect((await store.checkIntegrity(id, never)).problems).toEqual([]);
  }
  await store.log();
  return listed.map(({ id }) => id);
}

/** After a change that brought the log up to date: it tells the same as the directories, and no number was given twice. */
async function assertLogged(store: Store): Promise<void> {
  const log = await store.log();
  const present = new Set<string>();
  for (const { action, backup } of log) {
    expect(present.has(backup), `${action} ${backup}`).toBe(action === "delete");
    if (action === "publish") present.add(backup);
    else present.delete(backup);
  }
  expect([...present].sort()).toEqual((await store.list()).map(({ id }) => id).sort());
  const numbers = log
    .filter(({ action }) => action === "publish")
    .map(({ database, backupSequence }) => `${database} ${backupSequence}`);
  expect(new Set(numbers).size).toBe(numbers.length);
}

describe("kill -9 at random moments", () => {
  it("while publishing: what is listed is complete, and what was reported is listed", async () => {
    const path = join(await scratch(), "backups");
    const store = storeAt(path);
    const reported: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const said = await killedPublisher(path, {});
      reported.push(...said.map((line) => line.replace("published ", "")));
      expect(await assertConsistent(store)).toEqual(expect.arrayContaining(reported));
    }
    await using _lock = await store.lock("shared", { wait: false, signal: never });
    reported.push((await publishSample(store)).id);
    await assertLogged(store);
    await store.removeOrphans();
    expect(
      (await readdir(join(path, ".staging"), { withFileTypes: true })).filter((entry) => entry.isDirectory()),
    ).toEqual([]);
    expect(reported.length).toBeGreaterThan(12);
  }, 120_000);

  it("while deleting too: nothing half-deleted is listed, and nothing deleted comes back", async () => {
    const path = join(await scratch(), "backups");
    const store = storeAt(path);
    const published = new Set<string>();
    const deleted = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const maybe = new Set<string>();
      for (const line of await killedPublisher(path, { TEST_KEEP: "2" })) {
        const [what, id = ""] = line.split(" ");
        if (what === "published") published.add(id);
        if (what === "deleting") maybe.add(id);
        if (what === "deleted") deleted.add(id);
      }
      const listed = await assertConsistent(store);
      expect(listed.filter((id) => deleted.has(id))).toEqual([]);
      const gone = [...published].filter((id) => !listed.includes(id));
      expect(gone.filter((id) => !deleted.has(id) && !maybe.has(id))).toEqual([]);
      for (const id of gone) deleted.add(id);
    }
    await store.removeOrphans();
    await using _lock = await store.lock("exclusive", { wait: false, signal: never });
    await publishSample(store);
    await assertLogged(store);
    expect(deleted.size).toBeGreaterThan(0);
  }, 120_000);
});

describe("kill -9 before each single step of a deletion", () => {
  /** Starts a deletion that ends itself so; returns what it was about to do, undefined where it got to its end. */
  async function killedDeleter(path: string, id: string, step: number): Promise<string | undefined> {
    const child = spawn(process.execPath, [join(import.meta.dirname, "deleter.ts"), path, id, String(step)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    expect([code, signal]).toEqual(signal === null ? [0, null] : [null, "SIGKILL"]);
    return signal === null ? undefined : said.replaceAll(path, "");
  }

  /** As if the claims that were cut short had been written some hours ago. */
  async function ageClaims(path: string): Promise<void> {
    for (const name of await filesBelow(join(path, ".staging"))) {
      await utimes(join(path, ".staging", name), new Date(0), new Date(0));
    }
  }

  it("leaves the backup whole, or gone; the next deletion finishes it", async () => {
    const path = join(await scratch(), "backups");
    const store = storeAt(path);
    await store.prepare();
    const stops: string[] = [];
    let step = 1;
    for (let killed: string | undefined = ""; killed !== undefined; step += 1) {
      const { id, other } = await (async () => {
        await using _lock = await store.lock("shared", { wait: false, signal: never });
        const artifacts = { "a/b": "1", c: "2" };
        const [backup, kept] = [await publishSample(store, { artifacts }), await publishSample(store, { artifacts })];
        await store.annotate(backup.id, "verification", { ok: true });
        return { id: backup.id, other: kept.id };
      })();
      killed = await killedDeleter(path, id, step);
      if (killed !== undefined) stops.push(killed);

      const listed = await assertConsistent(store);
      expect(listed, `killed before ${killed}`).toContain(other);
      await ageClaims(path);
      await store.removeOrphans();
      {
        await using _lock = await store.lock("exclusive", { wait: false, signal: never });
        if (listed.includes(id)) await store.delete(id);
        await store.delete(other);
      }
      await assertLogged(store);
      expect(await store.list()).toEqual([]);
      expect(await filesBelow(join(path, ".staging"))).toEqual([]);
      expect((await filesBelow(path)).filter((name) => name.startsWith("postgres/"))).toEqual([]);
    }
    // Before the rename, between it and the log, in the log, and while what was taken out is removed.
    for (const kind of [/^rename \/postgres/, /^appendFile/, /^rm .*content\/manifest.json/, /^rm .*content\/a\/b/]) {
      expect(stops).toContainEqual(expect.stringMatching(kind));
    }
  }, 120_000);
});

describe("several processes at once", () => {
  it("give every backup a number of its own and log each once", async () => {
    const path = join(await scratch(), "backups");
    await Promise.all(
      [1, 2, 3].map(async () => {
        const child = spawn(process.execPath, [join(import.meta.dirname, "publisher.ts"), path, "6"], {
          stdio: ["ignore", "ignore", "inherit"],
        });
        expect((await once(child, "exit"))[0]).toBe(0);
      }),
    );
    const store = storeAt(path);
    expect(await assertConsistent(store)).toHaveLength(18);
    await assertLogged(store);
    for (const database of ["postgres", "redis"]) {
      const numbers = (await store.list(database)).map(({ manifest }) => manifest?.sequence);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
  }, 60_000);
});

describe("a crash between the rename and the log", () => {
  it("of a publishing is made good by the next one", async () => {
    const store = await openStore();
    await publishSample(store);
    const crashed = await publishSample(store);
    const log = join(store.location, "log.jsonl");
    const [first] = (await readFile(log, "utf8")).split("\n");
    await writeFile(log, `${first}\n`);
    expect((await store.checkIntegrity(crashed.id, never)).problems).toEqual([]);
    expect((await publishSample(store)).sequence).toBe(3);
    await assertLogged(store);
    expect((await store.log())[1]).toMatchObject({ backup: crashed.id, backupSequence: 2 });
  });

  it("of a deletion is made good before what is left of the backup is removed", async () => {
    const store = await openStore();
    const kept = await publishSample(store);
    const crashed = await publishSample(store);
    const [, entry] = await store.log();
    const staging = join(store.location, ".staging");
    await writeFile(
      join(staging, "x.json"),
      JSON.stringify({
        owner: { ...(await currentProcess()), startTime: "1" },
        deletes: {
          backup: crashed.id,
          database: "postgres",
          backupSequence: crashed.sequence,
          manifest: entry?.manifest,
        },
      }),
    );
    await mkdir(join(staging, "x"));
    await rename(join(store.location, "postgres", crashed.id), join(staging, "x", "content"));
    expect(await store.removeOrphans()).toEqual([expect.stringContaining(join(staging, "x"))]);
    expect(await filesBelow(staging)).toEqual([]);
    expect((await store.list()).map(({ id }) => id)).toEqual([kept.id]);
    await assertLogged(store);
    expect((await store.log()).at(-1)).toMatchObject({ action: "delete", backup: crashed.id });
  });
});
