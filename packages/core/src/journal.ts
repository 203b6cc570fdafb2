import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { BackupError, toBackupError } from "./error.ts";
import { newId } from "./id.ts";
import type { RecoveryContext } from "./context.ts";
import { writeDurably } from "./durable.ts";
import { jsonSchema, listOf, type Json } from "./json.ts";
import {
  currentProcess,
  livenessOf,
  processIdentitySchema,
  type Liveness,
  type ProcessIdentity,
} from "./process-identity.ts";

/**
 * The intent journal. Before anything outside our own files is changed for a while (a server stopped, a setting
 * turned, a temporary database made), a record that says how to undo it is made durable. There is one undo code path:
 * the `recover` of the part that wrote the record, used at the normal end of an operation, when it fails, and by the
 * next process when this one died.
 */
export interface JournalRecord {
  /** Who can settle it: `containers`, or the name of a database (its adapter). */
  readonly part: string;
  readonly action: string;
  readonly data: Json;
}

/** `undo`: put back what was before. `finish`: the operation has succeeded, keep its result and clear away the rest. */
export type Settlement = "undo" | "finish";

/** Written down before content is changed: what a rollback must know, also one by the next process. */
export interface Safeguard {
  /** How many records, the oldest, keep writers out: they are undone last, after what was put back was looked at. */
  readonly fence: number;
  /** Id of the backup of what was there before; undefined where none was wanted. */
  readonly backup?: string | undefined;
}

interface OperationFile {
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

const operationSchema: z.ZodType<OperationFile> = z.strictObject({
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

/** Whoever writes journal records. */
export interface Recoverer {
  /**
   * Settles one record. Must be idempotent, must look at what is really there (the process may have died before, within or
   * after the act), must not need anything the dead process held in memory, and runs to its end: it is not cancelled.
   */
  recover(record: JournalRecord, settlement: Settlement, context: RecoveryContext): Promise<void>;
}

/** Finds who settles a record; throws where its part is not known (a database that is no longer configured). */
export type RecovererLookup = (record: JournalRecord) => Recoverer;

export interface OperationInfo {
  /** `backup`, `restore`. */
  readonly command: string;
  readonly database: string;
}

/** The records of one operation, newest last. */
export interface JournalOperation {
  readonly id: string;
  /** Writes a record; when it resolves, the record is on disk and the act may begin. */
  record(record: JournalRecord): Promise<JournalEntry>;
}

export interface JournalEntry {
  readonly record: JournalRecord;
  /** Settles the record now and takes it out. A second call does nothing. */
  settle(settlement: Settlement): Promise<void>;
}

/** An operation found in the journal: its process died, or is another one that lives. */
export interface FoundOperation extends OperationInfo {
  readonly id: string;
  readonly startedAt: string;
  readonly pid: number;
  readonly host: string;
  readonly liveness: Liveness;
  readonly settlement: Settlement;
  readonly records: readonly JournalRecord[];
}

/** A directory of undo records. Constructing does no I/O. */
export class Journal {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async begin(info: OperationInfo, recoverers: RecovererLookup, context: RecoveryContext): Promise<OpenOperation> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file: OperationFile = {
      version: 1,
      id: newId(),
      command: info.command,
      database: info.database,
      startedAt: new Date().toISOString(),
      owner: await currentProcess(),
      settlement: "undo",
      abandoned: false,
      records: [],
    };
    return new OpenOperation(this.#path(file.id), file, recoverers, context);
  }

  /** Every operation with records still to be settled, oldest first, whoever's it is. */
  async list(): Promise<FoundOperation[]> {
    const files = await this.#read();
    return Promise.all(
      files.map(async (file) => ({
        id: file.id,
        command: file.command,
        database: file.database,
        startedAt: file.startedAt,
        pid: file.owner.pid,
        host: file.owner.host,
        liveness: await livenessOfOwner(file),
        settlement: file.settlement,
        records: file.records,
      })),
    );
  }

  /**
   * Settles what a dead process left, as far as it had got: an operation that had been committed is finished, every
   * other one is undone, with `look` as in `OpenOperation.undo`. Operations of living or foreign processes are left alone.
   */
  async settle(
    found: FoundOperation,
    recoverers: RecovererLookup,
    context: RecoveryContext,
    look?: Look,
  ): Promise<void> {
    const file = (await this.#read()).find(({ id }) => id === found.id);
    if (file === undefined) return;
    if ((await livenessOfOwner(file)) !== "dead") {
      throw new BackupError(
        "locked",
        `the ${file.command} of ${file.database} belongs to process ${file.owner.pid} on ${file.owner.host}, which is not known to be dead`,
        {
          operation: "journal.settle",
          database: file.database,
          hint: "wait until it has ended, or stop it first",
        },
      );
    }
    const operation = new OpenOperation(this.#path(file.id), file, recoverers, context);
    await operation.claim();
    await (file.settlement === "undo" ? operation.undo(look) : operation.close("finish"));
  }

  async #read(): Promise<OperationFile[]> {
    const names = await readdir(this.#directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw toBackupError(error, { operation: "journal.read" });
    });
    const files = await Promise.all(
      names
        .filter((name) => name.endsWith(".json"))
        .map(async (name) => {
          const path = join(this.#directory, name);
          const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
            if (error.code === "ENOENT") return undefined;
            throw toBackupError(error, { operation: "journal.read", hint: `see what ${path} is` });
          });
          if (text === undefined) return undefined;
          return parseOperation(text, path);
        }),
    );
    return files.filter((file) => file !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #path(id: string): string {
    return join(this.#directory, `${id}.json`);
  }
}

async function livenessOfOwner(file: OperationFile): Promise<Liveness> {
  return file.abandoned ? "dead" : livenessOf(file.owner);
}

function parseOperation(text: string, path: string): OperationFile {
  try {
    const file = operationSchema.parse(JSON.parse(text));
    // The id becomes the path of what is rewritten and removed.
    if (basename(path) !== `${file.id}.json`) throw new Error(`it says that its id is ${JSON.stringify(file.id)}`);
    return file;
  } catch (error) {
    throw new BackupError("corrupt", `the journal ${path} cannot be read`, {
      operation: "journal.read",
      hint: "it names changes that were to be undone; look at the file, undo them by hand, then remove it",
      cause: error,
    });
  }
}

/** Looks at what an undoing has put back. */
export type Look = (safeguard: Safeguard, operation: JournalOperation) => Promise<void>;

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
