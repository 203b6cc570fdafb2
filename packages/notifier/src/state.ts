import { inTurn, toBackupError } from "@sutazai/backup-core";
import { emptyLedger, type Ledger, type Topic } from "./ledger.ts";
import { LedgerDirectory, type Change } from "./ledger-directory.ts";

const neverAborted = new AbortController().signal;

/**
 * The ledger, kept in a directory as long as that can be written. Where it cannot (the disk is full: just what people must be told of), it goes on
 * in memory, and is put in order on the disk as soon as that works again. Never throws: what went wrong is said through `warn`.
 */
export class NotifierState {
  readonly #path: string;
  readonly #directory: LedgerDirectory;
  /** While the directory cannot be written: what was known of it, and what has become of that. */
  #memory: { readonly base: Ledger; readonly ledger: Ledger } | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#directory = new LedgerDirectory(path);
  }

  async read(warn: (message: string) => void): Promise<Ledger> {
    if (this.#memory !== undefined) return this.#memory.ledger;
    return this.#directory.read().catch((error: unknown) => {
      warn(`what was told before is not known: ${toBackupError(error).message}`);
      return emptyLedger;
    });
  }

  /** One change after the other in this process; it need not compete with itself. */
  update<T>(change: (ledger: Ledger) => Change<T>, warn: (message: string) => void): Promise<T> {
    return inTurn(`notifier ${this.#path}`, neverAborted, () => this.#update(change, warn));
  }

  async #update<T>(change: (ledger: Ledger) => Change<T>, warn: (message: string) => void): Promise<T> {
    const memory = this.#memory;
    try {
      const result = await this.#directory.update(
        (ledger) => change(memory === undefined ? ledger : merged(ledger, memory)),
        ({ message }) => warn(`what was told before is not known: ${message}`),
      );
      this.#memory = undefined;
      return result;
    } catch (error) {
      warn(`what is told cannot be recorded, and may be told again: ${toBackupError(error).message}`);
      const base = memory?.base ?? (await this.#directory.read().catch(() => emptyLedger));
      const { ledger, result } = change(this.#memory?.ledger ?? base);
      this.#memory = { base, ledger };
      return result;
    }
  }
}

/** What others have recorded, but for what was changed, or ended, in memory. */
function merged(disk: Ledger, { base, ledger }: { readonly base: Ledger; readonly ledger: Ledger }): Ledger {
  const known = new Set([...base.topics, ...ledger.topics].map(keyOf));
  return { topics: [...disk.topics.filter((topic) => !known.has(keyOf(topic))), ...ledger.topics] };
}

function keyOf({ channel, cause }: Topic): string {
  return JSON.stringify([channel, cause]);
}
