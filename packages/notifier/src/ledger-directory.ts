import { link, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BackupError, newId, syncDirectory, toBackupError, writeDurably } from "@sutazai/backup-core";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { ledgerFileSchema, type LedgerFile } from "./ledger-schema.ts";

/** Generations that stay. A process would have to sleep through as many changes of others to put back an old one, and looks for that. */
const kept = 16;
const attempts = 100;
const abandonedMs = 3_600_000;

export interface Change<T> {
  readonly ledger: Ledger;
  readonly result: T;
}

/**
 * The ledger as numbered files of one directory: each change writes the next generation whole, and takes its number with a hard link,
 * which only one of several processes can. Who comes second begins anew with what the first has written. So there is no lock
 * that a killed process could leave behind.
 */
export class LedgerDirectory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws `corrupt` for a file that is none of ours or damaged. */
  async read(): Promise<Ledger> {
    return (await this.#newest()).ledger;
  }

  /** `change` is pure: it may be called more than once. Durable when this resolves. A damaged ledger is begun anew, and told to `onDamage`. */
  async update<T>(change: (ledger: Ledger) => Change<T>, onDamage: (error: BackupError) => void): Promise<T> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { generation, ledger } = await this.#newest(onDamage);
      const changed = change(ledger);
      if (changed.ledger === ledger || (await this.#publish(generation + 1, changed.ledger))) return changed.result;
      await setTimeout(Math.random() * 10);
    }
    throw new BackupError("locked", `${this.#path} is changed by others all the time`, { operation: "notify.state" });
  }

  async #newest(onDamage?: (error: BackupError) => void): Promise<{ generation: number; ledger: Ledger }> {
    for (;;) {
      const generation = (await this.#generations()).at(-1);
      if (generation === undefined) return { generation: 0, ledger: emptyLedger };
      const path = join(this.#path, fileName(generation));
      try {
        const { topics }: LedgerFile = ledgerFileSchema.parse(JSON.parse(await readFile(path, "utf8")));
        return { generation, ledger: { topics } };
      } catch (error) {
        // Long superseded by others when we came to open it.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        if ((error as NodeJS.ErrnoException).code !== undefined)
          throw toBackupError(error, { operation: "notify.state" });
        const damage = new BackupError("corrupt", `${path} is damaged, or of another version`, {
          operation: "notify.state",
          hint: "nothing needs to be done: it is begun anew, and what is open will be told once more",
          cause: error,
        });
        if (onDamage === undefined) throw damage;
        onDamage(damage);
        return { generation, ledger: { ...emptyLedger } };
      }
    }
  }

  /** Whether the generation is ours now. */
  async #publish(generation: number, { topics }: Ledger): Promise<boolean> {
    const content: LedgerFile = { format: "sutazai-backup-notices", version: 1, topics };
    const staged = join(this.#path, `staged-${newId()}`);
    const path = join(this.#path, fileName(generation));
    try {
      await writeDurably(staged, `${JSON.stringify(content)}\n`);
      await link(staged, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw toBackupError(error, { operation: "notify.state" });
    } finally {
      await rm(staged, { force: true });
    }
    await syncDirectory(this.#path);
    const generations = await this.#generations();
    if ((generations.at(-1) ?? generation) - generation >= kept) {
      await rm(path, { force: true });
      return false;
    }
    await this.#clear(generations.filter((other) => other <= generation - kept));
    return true;
  }

  /** Old generations, and what killed processes left. */
  async #clear(generations: readonly number[]): Promise<void> {
    if (generations.length === 0) return;
    for (const generation of generations) await rm(join(this.#path, fileName(generation)), { force: true });
    for (const name of (await readdir(this.#path)).filter((name) => name.startsWith("staged-"))) {
      const found = await stat(join(this.#path, name)).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs > abandonedMs) {
        await rm(join(this.#path, name), { force: true });
      }
    }
  }

  async #generations(): Promise<number[]> {
    const names = await readdir(this.#path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw toBackupError(error, { operation: "notify.state" });
    });
    return names
      .map((name) => Number(/^notices-(\d+)\.json$/.exec(name)?.[1] ?? Number.NaN))
      .filter((generation) => Number.isSafeInteger(generation))
      .sort((one, other) => one - other);
  }
}

function fileName(generation: number): string {
  return `notices-${String(generation).padStart(9, "0")}.json`;
}
