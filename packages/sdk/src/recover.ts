import {
  BackupError,
  removeAbandoned,
  toBackupError,
  type FoundOperation,
  type OperationContext,
  type SerializedError,
} from "@sutazai/backup-core";
import { preparePrivateRoot, Staging } from "@sutazai/backup-store";
import { adapterNamed, openContext, recovererOf, scratchPath, type SystemParts } from "./context.ts";
import { timeLimit } from "./limits.ts";
import { progressOf } from "./progress.ts";
import { compareWithSafety, notComparable, type RollbackComparison } from "./restore/comparison.ts";
import { describeOperation } from "./unfinished.ts";
import { warn } from "./warn.ts";

/** What `recover` did with one operation of a dead process. */
export interface RecoveredOperation {
  readonly operation: FoundOperation;
  /**
   * `undone`: put back as it was before. `differs`: put back, and not as its safety backup says. `finished`: it had been committed. `failed`: still in the
   * journal.
   */
  readonly outcome: "undone" | "differs" | "finished" | "failed";
  /** How what a restore had begun to change, and was put back, compares with its safety backup. */
  readonly rollback?: string;
  readonly error?: SerializedError;
}

export interface RecoverReport {
  readonly operations: readonly RecoveredOperation[];
  /** Operations that belong to living or foreign processes: left alone. */
  readonly running: readonly FoundOperation[];
  /** Containers, networks, volumes, staging and scratch folders, and temporary files of dead processes that were removed. */
  readonly removed: readonly string[];
}

/** Settles every operation that a dead process of this host left in the journal, and removes what else it left. */
export async function recoverAll(parts: SystemParts): Promise<RecoverReport> {
  // What stands in a journal is done, with all rights: it must be ours.
  await preparePrivateRoot(parts.stateDirectory);
  const found = await parts.journal.list();
  const operations: RecoveredOperation[] = [];
  for (const operation of found.filter(({ liveness }) => liveness === "dead")) {
    operations.push(await settle(parts, operation));
  }
  return {
    operations,
    running: found.filter(({ liveness }) => liveness !== "dead"),
    removed: await removeOrphans(parts),
  };
}

/**
 * What every command that changes something does first. Throws where a dead operation cannot be settled: going on
 * would build on a database that is neither as before nor as restored.
 */
export async function settleDeadOperations(parts: SystemParts): Promise<void> {
  const { operations } = await recoverAll(parts);
  const failed = operations.find(({ error }) => error !== undefined)?.error;
  if (failed !== undefined) throw new BackupError(failed.reason, failed.message, failed);
}

async function settle(parts: SystemParts, operation: FoundOperation): Promise<RecoveredOperation> {
  warn(parts, describeOperation(operation), operation.database);
  let rollback: RollbackComparison | undefined;
  try {
    await using context = await openContext(parts);
    await parts.journal.settle(
      operation,
      (record) => recovererOf(parts, record),
      context,
      async ({ backup }, journal) => {
        using limit = timeLimit(new AbortController().signal, parts.timeoutMs, operation.database);
        progressOf(parts, operation.database)({ step: "comparing with the safety backup" });
        rollback = await compareFound(parts, operation, backup, {
          ...context,
          journal,
          // There is no run yet whose progress could be shown.
          progress: () => undefined,
          signal: limit.signal,
        });
      },
    );
  } catch (error) {
    return { operation, outcome: "failed", error: toBackupError(error, { database: operation.database }).toJSON() };
  }
  if (rollback?.differs === true) warn(parts, rollback.told, operation.database);
  const compared = rollback === undefined ? {} : { rollback: rollback.told };
  parts.emit({
    type: "recovered",
    at: new Date().toISOString(),
    database: operation.database,
    command: operation.command,
    settlement: operation.settlement,
    actions: operation.records.map(({ part, action }) => `${part}: ${action}`),
    ...compared,
  });
  const undone = rollback?.differs === true ? "differs" : "undone";
  return { operation, outcome: operation.settlement === "finish" ? "finished" : undone, ...compared };
}

/** What a dead process would have compared had it lived. Does not throw. */
async function compareFound(
  parts: SystemParts,
  { database }: FoundOperation,
  backup: string | undefined,
  context: OperationContext,
): Promise<RollbackComparison> {
  try {
    const adapter = await adapterNamed(parts, database);
    const safety = backup === undefined ? undefined : (await parts.store.open(backup)).manifest;
    return await compareWithSafety(adapter, context, safety);
  } catch (error) {
    return notComparable(backup, error);
  }
}

/** Orphaned containers can be looked for only where there is a Docker daemon; a system without one has none. */
async function removeOrphans(parts: SystemParts): Promise<string[]> {
  const containers = await parts.containers.removeOrphans().catch((error: unknown) => {
    parts.logger.debug({ error: toBackupError(error).message }, "no containers to look through");
    return [];
  });
  const scratch = await new Staging(scratchPath(parts)).removeOrphans();
  const temporary = await removeAbandoned(parts.stateDirectory);
  return [...containers, ...scratch, ...temporary, ...(await parts.store.removeOrphans())];
}
