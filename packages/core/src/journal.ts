import { mkdir, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RecoveryContext } from "./context.ts";
import { BackupError, toBackupError } from "./error.ts";
import { newId } from "./id.ts";
import type { JournalRecord, Look, OperationInfo, RecovererLookup, Settlement } from "./journal-record.ts";
import { OpenOperation, operationSchema, type OperationFile } from "./open-operation.ts";
import { currentProcess, livenessOf, type Liveness } from "./process-identity.ts";

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
