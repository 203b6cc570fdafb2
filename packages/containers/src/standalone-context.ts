import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import {
  BackupError,
  Journal,
  silentLogger,
  type ContainerRuntime,
  type DatabaseAdapter,
  type FoundOperation,
  type Logger,
  type OperationContext,
  type Progress,
  type RecovererLookup,
  type RecoveryContext,
} from "@sutazai/backup-core";
import { dockerRuntime } from "./docker-runtime.ts";

export interface StandaloneOptions {
  /** Cancels what runs in the context; undoing is not cancelled. */
  readonly signal?: AbortSignal;
  readonly logger?: Logger;
  readonly progress?: (progress: Progress) => void;
  /** The Docker daemon of the environment unless given. */
  readonly containers?: ContainerRuntime;
  /** Where the journal is kept, the same in every run: `sutazai-backup` in the user's state directory unless given. */
  readonly stateDirectory?: string;
}

/** An adapter's context outside of the system. */
export interface StandaloneContext extends OperationContext, AsyncDisposable {
  /** Call it when a restore has succeeded: from here on, disposing keeps its result instead of undoing it. */
  commit(): Promise<void>;
}

/**
 * What one adapter needs to be used alone: a runtime, an empty scratch directory, a journal. What processes that died
 * left behind is settled first, as far as the given recoverers know it. Disposing undoes what was begun (after `commit`: finishes it), and removes the scratch directory.
 */
export async function standaloneContext(
  recoverers: DatabaseAdapter | RecovererLookup,
  options: StandaloneOptions = {},
): Promise<StandaloneContext> {
  const containers = options.containers ?? dockerRuntime();
  const logger = options.logger ?? silentLogger;
  const lookup = lookupOf(recoverers, containers);
  await using stack = new AsyncDisposableStack();

  const scratch = await mkdtemp(join(tmpdir(), "sutazai-backup-"));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const context: RecoveryContext = { logger, containers, scratch };

  const journal = new Journal(join(options.stateDirectory ?? stateDirectory(), "journal"));
  for (const found of await journal.list()) {
    if (found.liveness !== "dead" || !isKnown(found, lookup)) continue;
    await journal.settle(found, lookup, context);
    logger.info({ operation: found.id, database: found.database }, "settled what a dead process had left");
  }
  await containers.removeOrphans().catch((error: unknown) => {
    // An adapter that works by URL needs no Docker; one that does will meet the same error at once.
    logger.debug({ error }, "could not look for containers of dead processes");
  });

  const database = typeof recoverers === "function" ? "standalone" : recoverers.name;
  const operation = await journal.begin({ command: "standalone", database }, lookup, context);
  let settlement: "undo" | "finish" = "undo";
  stack.defer(() => operation.close(settlement));
  const owned = stack.move();
  return {
    ...context,
    journal: operation,
    signal: options.signal ?? new AbortController().signal,
    progress: options.progress ?? (() => undefined),
    async commit() {
      await operation.commit();
      settlement = "finish";
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function lookupOf(recoverers: DatabaseAdapter | RecovererLookup, containers: ContainerRuntime): RecovererLookup {
  return (record) => {
    if (record.part === "containers") return containers;
    if (typeof recoverers === "function") return recoverers(record);
    if (record.part === recoverers.name) return recoverers;
    throw new BackupError("configuration", `the journal has a record of ${record.part}, which is not known here`, {
      operation: "journal.recover",
      hint: "recover it with the program that wrote it",
    });
  };
}

function isKnown({ records }: FoundOperation, lookup: RecovererLookup): boolean {
  try {
    records.forEach(lookup);
    return true;
  } catch {
    return false;
  }
}

function stateDirectory(): string {
  return join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "sutazai-backup");
}
