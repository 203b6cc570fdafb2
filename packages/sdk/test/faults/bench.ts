import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { toBackupError, type Store } from "@sutazai/backup-core";
import { createBackupSystem, localStore, type BackupSystem } from "../../src/index.ts";
import { throwawayRuntime } from "../drilled-database.ts";
import { FakeDatabase } from "../fake-database.ts";
import { keptDatabase } from "./kept-database.ts";

export const operations = ["backup", "restore", "drill", "verify", "prune"] as const;
export type Operation = (typeof operations)[number];

/** What each backup holds, oldest first. */
const held = [["one"], ["two"], ["one", "three"], ["one", "two"]];
const changed = ["one", "two", "three"];

/** How an operation ended: what its report says, and why. */
export interface Ending {
  readonly outcome: string;
  /** Of a restore that was begun. */
  readonly state?: string;
  /** Told as done. */
  readonly backup?: string;
  /** Which one a restore says it took. */
  readonly restored?: string;
}

/**
 * A store with backups of some days and one of a database that has changed since, in a directory of its own for each trial; and what has to
 * hold of it whatever happened there.
 */
export class FaultBench {
  readonly #template: string;

  private constructor(template: string) {
    this.#template = template;
  }

  static async make(): Promise<FaultBench> {
    const template = await mkdtemp(join(tmpdir(), "faults-"));
    const bench = new FaultBench(template);
    await mkdir(join(template, "root"));
    const store = storeIn(template);
    for (const lines of held) {
      await systemIn(template, new FakeDatabase("db", lines), store).backup();
    }
    return bench;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#template, { recursive: true, force: true });
  }

  async begin(): Promise<Trial> {
    const directory = await mkdtemp(join(tmpdir(), "fault-"));
    // Without the sockets by which processes show that they live: they are of this process, and no files to copy.
    const filter = (path: string) => basename(path) !== "processes";
    await cp(this.#template, directory, { recursive: true, filter });
    const store = storeIn(directory);
    // Keeps the head of the log at its new place.
    await systemIn(directory, new FakeDatabase("db", []), store).verifyLog();
    const listed = await store.list();
    return new Trial(
      directory,
      listed.map(({ id }) => id),
    );
  }
}

/** One operation on one store with one fault. */
export class Trial {
  readonly directory: string;
  readonly #before: readonly string[];
  #database: FakeDatabase;

  /** `before`: ids of the backups that are there. */
  constructor(directory: string, before: readonly string[]) {
    this.directory = directory;
    this.#before = before;
    this.#database = this.#openDatabase();
  }

  /** All that the operation may touch of this disk. */
  get root(): string {
    return join(this.directory, "root");
  }

  get store(): Store {
    return storeIn(this.directory);
  }

  async run(operation: Operation, store: Store = this.store, timeoutMs: number = 60_000): Promise<Ending> {
    const system = systemIn(this.directory, this.#database, store, timeoutMs);
    try {
      return await run[operation](system);
    } catch (thrown) {
      return { outcome: `error: ${toBackupError(thrown).reason}` };
    }
  }

  /** The same in a process that is killed right before one of its calls of the disk. */
  async kill(operation: Operation, call: number): Promise<Ending> {
    const program = join(import.meta.dirname, "killed.ts");
    const child = spawn(process.execPath, [program, this.directory, operation, String(call)], { stdio: "ignore" });
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (signal !== "SIGKILL")
      throw new Error(`${operation}, to be killed at call ${call}, ended with ${code ?? signal}`);
    this.#database = this.#openDatabase();
    return { outcome: "killed" };
  }

  #openDatabase(): FakeDatabase {
    return keptDatabase(join(this.directory, "database.json"), changed);
  }

  /** Everything that is not as it must be after the next command of another process, which is told nothing of the fault. */
  async judge(
    operation: Operation,
    { outcome, state, backup, restored }: Ending,
    diskWasGone: boolean,
  ): Promise<string[]> {
    await this.#letProcessEnd();
    const system = systemIn(this.directory, this.#database, this.store);
    const wrong: string[] = [];
    const recovered = await system.recover();
    for (const { error } of recovered.operations)
      if (error !== undefined) wrong.push(`not recovered: ${error.message}`);
    const verified = await system.verify();
    for (const { id, problems } of verified) if (problems.length > 0) wrong.push(`${id}: ${problems.join("; ")}`);
    const listed = (await system.list()).map(({ id }) => id);
    for (const [id, { damage }] of await system.standings(listed))
      if (damage !== undefined) wrong.push(`${id} is called damaged, and is not`);
    const lost = this.#before.filter((id) => !listed.includes(id));
    if (operation !== "prune" && lost.length > 0) wrong.push(`gone: ${lost.join(", ")}`);
    if (operation === "prune" && lost.includes(this.#before.at(-1) ?? "")) wrong.push("the newest is gone");
    if (backup !== undefined && !listed.includes(backup)) wrong.push(`told as made, and not there: ${backup}`);
    const { lines, fenced } = this.#database;
    const isAsBefore = String(lines) === String(changed);
    // Where the report was lost with the disk, it was the newest.
    const content = held[restored === undefined ? held.length - 1 : this.#before.indexOf(restored)];
    const isRestored = operation === "restore" && String(lines) === String(content);
    if (!isAsBefore && !isRestored) wrong.push(`the database is neither as before nor as restored: ${String(lines)}`);
    if (outcome === "ok" && operation === "restore" && !isRestored) wrong.push("told as restored, and is not");
    if ((state === "rolled-back" || state === "untouched") && !isAsBefore) wrong.push(`told as ${state}, and is not`);
    if (fenced) wrong.push("writers are still kept out");
    const next = await system.backup();
    if (next.status !== "ok") wrong.push(`the next backup: ${next.databases[0]?.error?.message}`);
    wrong.push(...(await system.verifyLog()).problems);
    // Where nothing could be removed any more, what is left over are files that nobody reads.
    wrong.push(...(await this.#left()).filter((path) => !diskWasGone || !path.endsWith(".tmp")));
    return wrong;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }

  /** What this process has left looks from now on as if left by one that has ended, two hours ago. */
  async #letProcessEnd(): Promise<void> {
    for (const path of await filesBelow(this.root)) {
      if (!/\/(?:\.staging|\.locks|journal|locks|scratch)\/|\.tmp$/.test(path)) continue;
      const text = await readFile(path, "utf8");
      await writeFile(path, text.replaceAll(/"startTime": ?"\d+"/g, '"startTime":"1"'));
      const long = new Date(Date.now() - 7_200_000);
      await utimes(path, long, long);
    }
  }

  /** Locks, and what is half made. */
  async #left(): Promise<string[]> {
    const found = (await filesBelow(this.root)).map((path) => path.slice(this.root.length + 1));
    return found
      .filter((path) => /\.staging\/|\.locks\/|locks\/|journal\/|scratch\/|\.tmp$/.test(path))
      .map((path) => `left: ${path}`);
  }
}

const run: Readonly<Record<Operation, (system: BackupSystem) => Promise<Ending>>> = {
  backup: async (system) => {
    const { status, databases } = await system.backup();
    const backup = databases[0]?.backup?.id;
    return { outcome: status, ...(backup !== undefined && { backup }) };
  },
  restore: async (system) => {
    const { status, databases } = await system.restore();
    const { state, backup: restored } = databases[0] ?? {};
    return {
      outcome: status === "ok" ? status : `${status}, ${state}`,
      ...(state !== undefined && { state }),
      ...(restored !== undefined && { restored }),
    };
  },
  drill: async (system) => {
    const { status, databases } = await system.drill();
    const verdict = databases[0]?.verdict;
    return { outcome: status === "ok" && verdict === "proven" ? status : `${status}, ${verdict}` };
  },
  verify: async (system) => {
    const damaged = (await system.verify()).filter(({ ok }) => !ok);
    return { outcome: damaged.length === 0 ? "ok" : "damage told" };
  },
  prune: async (system) => ({ outcome: (await system.prune({ rules: { days: 0, keepLast: 2 } })).status }),
};

function storeIn(directory: string): Store {
  return localStore({ path: join(directory, "root", "store"), compression: "none" });
}

function systemIn(directory: string, database: FakeDatabase, store: Store, timeoutMs: number = 60_000): BackupSystem {
  return createBackupSystem({
    databases: [database],
    store,
    containers: throwawayRuntime(),
    drill: { images: { db: "fake:1" } },
    stateDirectory: join(directory, "root", "state"),
    timeoutMs,
  });
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
