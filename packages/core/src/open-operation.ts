import { rm } from "node:fs/promises";
import { z } from "zod";
import type { RecoveryContext } from "./context.ts";
import { writeDurably } from "./durable.ts";
import { BackupError, toBackupError } from "./error.ts";
import type {
  JournalEntry,
  JournalOperation,
  JournalRecord,
  Look,
  RecovererLookup,
  Safeguard,
  Settlement,
} from "./journal-record.ts";
import { jsonSchema, listOf } from "./json.ts";
import { currentProcess, processIdentitySchema, type ProcessIdentity } from "./process-identity.ts";

/** An operation as it stands in the journal. */
export interface OperationFile {
  readonly version: 1;
  readonly id: string;
  readonly command: string;
  readonly database: string;
  readonly startedAt: string;
  readonly owner: ProcessIdentity;
  readonly settlement: Settlement;
  /** Its process could not settle it and has given it up: anybody may, as if that process had died. */
  readonly abandoned: boolean;
  readonly safeguard?: Safeguard | undefined;
  readonly records: readonly JournalRecord[];
}

export const operationSchema: z.ZodType<OperationFile> = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  command: z.string(),
  database: z.string(),
  startedAt: z.string(),
  owner: processIdentitySchema,
  settlement: z.enum(["undo", "finish"]),
  abandoned: z.boolean(),
  safeguard: z.strictObject({ fence: z.int().nonnegative(), backup: z.string().optional() }).optional(),
  records: listOf(z.strictObject({ part: z.string(), action: z.string(), data: jsonSchema })),
});

/** An operation of this process. Its file exists only while it has records. */
export class OpenOperation implements JournalOperation {
  readonly #path: string;
  readonly #recoverers: RecovererLookup;
  readonly #context: RecoveryContext;
  #file: OperationFile;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(path: string, file: OperationFile, recoverers: RecovererLookup, context: RecoveryContext) {
    this.#path = path;
    this.#file = file;
    this.#recoverers = recoverers;
    this.#context = context;
  }

  get id(): string {
    return this.#file.id;
  }

  /** What is still to be settled, newest last. */
  get records(): readonly JournalRecord[] {
    return this.#file.records;
  }

  async record(record: JournalRecord): Promise<JournalEntry> {
    await this.#write((file) => ({ ...file, records: [...file.records, record] }));
    return { record, settle: (settlement) => this.#settle(record, settlement) };
  }

  /** Makes a dead process's operation this one's, so that no third one takes it up too. */
  async claim(): Promise<void> {
    const owner = await currentProcess();
    await this.#write((file) => ({ ...file, owner, abandoned: false }));
  }

  /** Content is about to be changed. */
  async guard(safeguard: Safeguard): Promise<void> {
    await this.#write((file) => ({ ...file, safeguard }));
  }

  /** From here on a crash is finished, not undone: the operation's point of no return. */
  async commit(): Promise<void> {
    await this.#write((file) => ({ ...file, settlement: "finish" }));
  }

  /**
   * Settles every record, newest first, and ends the operation. Stops at the first that cannot be settled and throws
   * `restore-failed`: the rest stays in the journal, for `recover`.
   */
  async close(settlement: Settlement): Promise<void> {
    if (settlement === "finish" && this.#file.settlement !== "finish") await this.commit();
    await this.#settleAllBut([], settlement);
    await this.#lastWrite;
    await rm(this.#path, { force: true });
  }

  /**
   * Undoes every record, newest first, and ends the operation. Where content may have been changed, `look` is called once it is put back, while
   * writers are still kept out; it must not throw. Throws as `close` does.
   */
  async undo(look?: Look): Promise<void> {
    const { safeguard, records } = this.#file;
    if (safeguard !== undefined && look !== undefined) {
      await this.#settleAllBut(records.slice(0, safeguard.fence), "undo");
      await look(safeguard, this);
    }
    await this.close("undo");
  }

  async #settleAllBut(kept: readonly JournalRecord[], settlement: Settlement): Promise<void> {
    for (;;) {
      const record = this.#file.records.findLast((each) => !kept.includes(each));
      if (record === undefined) return;
      try {
        await this.#settle(record, settlement);
      } catch (error) {
        await this.#write((file) => ({ ...file, abandoned: true }));
        const { reason, message } = toBackupError(error);
        throw new BackupError(
          "restore-failed",
          `could not ${settlement} "${record.action}" of ${record.part}: ${message}`,
          {
            operation: `journal.${settlement}`,
            database: this.#file.database,
            hint: "mend what the message names, then run `sutazai-backup recover`",
            details: { reason, remaining: this.#file.records.length },
            cause: error,
          },
        );
      }
    }
  }

  async #settle(record: JournalRecord, settlement: Settlement): Promise<void> {
    if (!this.#file.records.includes(record)) return;
    await this.#recoverers(record).recover(record, settlement, this.#context);
    await this.#write((file) => ({ ...file, records: file.records.filter((other) => other !== record) }));
  }

  /** Changes are made one after the other, each durable before the next. */
  #write(change: (file: OperationFile) => OperationFile): Promise<void> {
    const write = this.#lastWrite.then(async () => {
      const next = change(this.#file);
      if (next.records.length === 0) await rm(this.#path, { force: true });
      else await writeDurably(this.#path, `${JSON.stringify(next, undefined, 1)}\n`);
      this.#file = next;
    });
    this.#lastWrite = write.catch(() => undefined);
    return write;
  }
}
