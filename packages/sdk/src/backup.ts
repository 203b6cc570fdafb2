import {
  BackupError,
  formOf,
  newId,
  overallOutcome,
  toBackupError,
  toJson,
  type BackupReport,
  type Bytes,
  type DatabaseAdapter,
  type DatabaseBackupResult,
  type Manifest,
  type OpenOperation,
  type OperationContext,
  type Probe,
} from "@sutazai/backup-core";
import { verifyStructure } from "@sutazai/backup-verifier";
import { definitionOf } from "./container-definition.ts";
import { openContext, recovererOf, selectDatabases, type SystemParts } from "./context.ts";
import { mapWithLimit, timeLimit } from "./limits.ts";
import { lockDatabase } from "./locks.ts";
import { progressOf } from "./progress.ts";
import { settleDeadOperations } from "./recover.ts";
import { endRun } from "./report.ts";
import { madeBy } from "./version.ts";

export interface BackupOptions {
  /** Names; all databases unless given. */
  readonly databases?: readonly string[];
  readonly signal?: AbortSignal;
  /** Wait for locks instead of failing with `locked`. */
  readonly wait?: boolean;
}

/**
 * Backs up databases in parallel, each on its own: one that fails leaves the others alone. Throws only where nothing
 * could be begun (unknown name, store not usable, store locked); every later failure is data in the report.
 */
export async function runBackup(parts: SystemParts, options: BackupOptions = {}): Promise<BackupReport> {
  const signal = options.signal ?? new AbortController().signal;
  const adapters = selectDatabases(parts, options.databases);
  const wait = options.wait ?? false;
  await parts.store.prepare();
  await using _lock = await parts.store.lock("shared", { wait, signal });
  await settleDeadOperations(parts);

  const runId = newId();
  const started = new Date();
  parts.emit({
    type: "run-start",
    at: started.toISOString(),
    runId,
    command: "backup",
    databases: adapters.map(({ name }) => name),
  });
  const databases = await mapWithLimit(adapters, parts.parallel, (adapter) =>
    backupOne(parts, adapter, { runId, signal, wait }),
  );
  const report: BackupReport = {
    report: "backup",
    version: 1,
    runId,
    status: overallOutcome(databases.map(({ status }) => status)),
    startedAt: started.toISOString(),
    endedAt: new Date().toISOString(),
    store: parts.store.location,
    databases,
  };
  await endRun(parts, `master_backup_report_${runId}.json`, report);
  return report;
}

interface Run {
  readonly runId: string;
  readonly signal: AbortSignal;
  readonly wait: boolean;
}

async function backupOne(parts: SystemParts, adapter: DatabaseAdapter, run: Run): Promise<DatabaseBackupResult> {
  const started = new Date();
  const { name: database, kind } = adapter;
  parts.emit({ type: "database-start", at: started.toISOString(), database, kind });
  let result: DatabaseBackupResult;
  try {
    using limit = timeLimit(run.signal, parts.timeoutMs, database);
    limit.signal.throwIfAborted();
    await using context = await openContext(parts);
    const operation = await parts.journal.begin(
      { command: "backup", database },
      (record) => recovererOf(parts, record),
      context,
    );
    const operationContext: OperationContext = {
      ...context,
      signal: limit.signal,
      journal: operation,
      progress: progressOf(parts, database),
    };
    const { manifest, problems } = await closing(operation, async () => {
      const probe = await adapter.probe(operationContext);
      await using _lock = await lockDatabase(parts, probe, { wait: run.wait, signal: limit.signal });
      return await takeBackup(parts, adapter, operationContext, { probe, runId: run.runId, purpose: "backup" });
    });
    result = succeeded(manifest, problems, started);
  } catch (error) {
    const failure = toBackupError(error, { database, operation: "backup" });
    result = {
      database,
      kind,
      status: failure.reason === "cancelled" ? "cancelled" : "failed",
      startedAt: started.toISOString(),
      endedAt: new Date().toISOString(),
      incomplete: [],
      warnings: [],
      error: failure.toJSON(),
    };
  }
  parts.emit({
    type: "database-end",
    at: result.endedAt,
    database,
    status: result.status,
    durationMs: Date.now() - started.getTime(),
    ...(result.backup !== undefined && { backup: result.backup.id }),
    ...(result.error !== undefined && { error: result.error }),
  });
  return result;
}

/** Runs the work of an operation and settles what it left in the journal, whether it succeeded or not. */
async function closing<Result>(operation: OpenOperation, work: () => Promise<Result>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    await operation.close("undo").catch((undoError: unknown) => {
      throw new BackupError(
        "restore-failed",
        `${toBackupError(error).message}; then ${toBackupError(undoError).message}`,
        {
          hint: "run `sutazai-backup recover`: the server may not be as it was found",
          cause: error,
        },
      );
    });
    throw error;
  }
  await operation.close("finish");
  return result;
}

export interface TakenBackup {
  readonly manifest: Manifest;
  /** Told to the operator; none of them makes the backup less than it says it is. */
  readonly problems: readonly string[];
}

/**
 * One backup from first byte to publication: captured into a staging area, read back and parsed to its end there, and
 * only then made to exist.
 */
export async function takeBackup(
  parts: SystemParts,
  adapter: DatabaseAdapter,
  context: OperationContext,
  { probe, runId, purpose }: { readonly probe: Probe; readonly runId: string; readonly purpose: Manifest["purpose"] },
): Promise<TakenBackup> {
  const startedAt = new Date().toISOString();
  const earlier = await publishedManifests(parts, adapter.name);
  await refuseWithoutRoom(parts, adapter.name, earlier.at(-1));

  await using staged = await parts.store.begin(adapter.name, adapter.kind);
  const facts = await adapter.backup(context, staged);
  context.progress({ step: "checking what was written" });
  const verification = await verifyStructure(
    {
      artifacts: staged.artifacts,
      forms: facts.forms,
      details: facts.details,
      read: (name: string): Bytes => staged.read(name),
    },
    adapter,
    context.signal,
  );
  if (!verification.ok) {
    throw new BackupError("corrupt", `what was written is not what was captured: ${verification.problems.join("; ")}`, {
      operation: "backup.verify",
      database: adapter.name,
      hint: "nothing was published; check the disk of the store and the server's log, then run the backup again",
    });
  }
  context.signal.throwIfAborted();
  const manifest = await staged.publish({
    parents: [],
    runId,
    purpose,
    status: facts.incomplete.length === 0 ? "ok" : "partial",
    startedAt,
    endedAt: new Date().toISOString(),
    madeBy,
    serverVersion: facts.serverVersion,
    container: probe.container === undefined ? null : definitionOf(probe.container),
    empty: facts.empty,
    incomplete: facts.incomplete,
    warnings: [...probe.warnings, ...facts.warnings],
    forms: facts.forms,
    details: facts.details,
  });
  await parts.store.annotate(manifest.id, "verification", toJson(verification));
  return { manifest, problems: await pinBeforeEmptied(parts, manifest, earlier) };
}

async function publishedManifests(parts: SystemParts, database: string): Promise<Manifest[]> {
  return (await parts.store.list(database)).flatMap(({ manifest }) => manifest ?? []);
}

async function refuseWithoutRoom(parts: SystemParts, database: string, last: Manifest | undefined): Promise<void> {
  const free = await parts.store.freeSpace();
  const expected = last === undefined ? 0 : storedBytes(last);
  if (free === undefined || free > expected) return;
  throw new BackupError(
    "no-space",
    `the store has ${free} bytes free; the last backup of ${database} took ${expected}`,
    {
      operation: "backup",
      database,
      hint: `free some room on ${parts.store.location}, or move the store (BACKUP_DIR)`,
    },
  );
}

/** A database that became empty is backed up as empty; the last backup that held something is kept from pruning. */
async function pinBeforeEmptied(
  parts: SystemParts,
  manifest: Manifest,
  earlier: readonly Manifest[],
): Promise<string[]> {
  const lastFull = earlier.findLast(({ empty }) => !empty);
  if (!manifest.empty || lastFull === undefined) return [];
  await parts.store.annotate(lastFull.id, "pin", {
    reason: `the last backup before ${manifest.id}, in which the database is empty`,
  });
  return [
    `emptied: ${manifest.database} held something in backup ${lastFull.id} and is empty now; that backup is pinned`,
  ];
}

function succeeded(manifest: Manifest, problems: readonly string[], started: Date): DatabaseBackupResult {
  return {
    database: manifest.database,
    kind: manifest.kind,
    status: manifest.status,
    startedAt: started.toISOString(),
    endedAt: new Date().toISOString(),
    backup: {
      id: manifest.id,
      sequence: manifest.sequence,
      serverVersion: manifest.serverVersion,
      plainBytes: manifest.artifacts.reduce((sum, { plain }) => sum + plain.bytes, 0),
      storedBytes: storedBytes(manifest),
      forms: manifest.forms.map((form) => ({
        name: form.name,
        method: form.method,
        facts: Object.keys(formOf(manifest, form.name).fingerprint).length,
        notCovered: form.notCovered,
      })),
      verified: "structure",
      empty: manifest.empty,
    },
    incomplete: manifest.incomplete,
    warnings: [...manifest.warnings, ...problems],
  };
}

function storedBytes({ artifacts }: Manifest): number {
  return artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);
}
