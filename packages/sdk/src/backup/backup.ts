import {
  BackupError,
  inTurn,
  toBackupError,
  type BackupReport,
  type DatabaseAdapter,
  type DatabaseBackupResult,
  type OpenOperation,
  type OperationContext,
} from "@sutazai/backup-core";
import { openContext, recovererOf, selectDatabases, type SystemParts } from "../context.ts";
import { endedBy } from "../ended-by.ts";
import { drillBackup, undecided, type Drilled } from "../verify/drill.ts";
import { mapWithLimit, timeLimit } from "../limits.ts";
import { lockDatabase } from "../locks.ts";
import { progressOf } from "../progress.ts";
import { conduct, tellEnd, tellStart, type Run, type RunOptions } from "../run.ts";
import { warn } from "../warn.ts";
import { expectDatabases, missingDatabases, whyMissing, type MissingDatabase } from "./expected.ts";
import { plainBytes, storedBytes, takeBackup, type TakenBackup } from "./take-backup.ts";

export interface BackupOptions extends RunOptions {
  /** Names; all databases unless given. */
  readonly databases?: readonly string[];
  /** Drill each backup right after it was made. One that fails makes its database `failed`, one that could not be tried `partial`. */
  readonly prove?: boolean;
}

/**
 * Backs up databases in parallel, each on its own: one that fails leaves the others alone. Throws only where nothing
 * could be begun (unknown name, store not usable, store locked); every later failure is data in the report.
 */
export async function runBackup(parts: SystemParts, options: BackupOptions = {}): Promise<BackupReport> {
  const adapters = selectDatabases(parts, options.databases);
  const isWhole = (options.databases ?? []).length === 0;
  const missing = isWhole ? await missingDatabases(parts).catch((error: unknown) => unknown(parts, error)) : [];
  return conduct(parts, "backup", [...adapters, ...missing], options, async (run) => {
    const absent = missing.map((database) => tellMissing(parts, database));
    const made = await mapWithLimit(adapters, parts.parallel, (adapter) =>
      backupOne(parts, adapter, run, options.prove ?? false),
    );
    if (isWhole) await expectDatabases(parts, missing);
    return [...made, ...absent];
  });
}

function unknown(parts: SystemParts, error: unknown): [] {
  warn(parts, `whether a database is missing is not known: ${toBackupError(error).message}`);
  return [];
}

/** One that is not there has not been backed up: a run without it is not whole. */
function tellMissing(parts: SystemParts, { name, kind }: MissingDatabase): DatabaseBackupResult {
  const at = tellStart(parts, { name, kind }).toISOString();
  const error = whyMissing(name, parts.discovery?.error);
  const result = { database: name, kind, startedAt: at, endedAt: at, incomplete: [], warnings: [], error };
  tellEnd(parts, { ...result, status: "failed" });
  return { ...result, status: "failed" };
}

type BackupOutcome = Omit<DatabaseBackupResult, "database" | "kind" | "startedAt" | "endedAt">;

async function backupOne(
  parts: SystemParts,
  adapter: DatabaseAdapter,
  run: Run,
  prove: boolean,
): Promise<DatabaseBackupResult> {
  const startedAt = tellStart(parts, adapter).toISOString();
  const { name: database, kind } = adapter;
  let outcome: BackupOutcome;
  try {
    const { taken, unsettled } = await attempt(parts, adapter, run);
    // It is there all the same; but the server may not be as it was found.
    if (unsettled !== undefined) outcome = { ...succeeded(taken), status: "failed", error: unsettled.toJSON() };
    else outcome = prove ? await proven(parts, taken, run) : succeeded(taken);
  } catch (thrown) {
    const error = toBackupError(thrown, { database, operation: "backup" });
    const status = error.reason === "cancelled" ? "cancelled" : "failed";
    outcome = { status, incomplete: [], warnings: [], error: error.toJSON() };
  }
  const result = { database, kind, startedAt, endedAt: new Date().toISOString(), ...outcome };
  tellEnd(parts, result);
  return result;
}

interface Attempt {
  readonly taken: TakenBackup;
  /** Why the journal could not be settled once it was made. */
  readonly unsettled: BackupError | undefined;
}

async function attempt(parts: SystemParts, adapter: DatabaseAdapter, run: Run): Promise<Attempt> {
  const database = adapter.name;
  using limit = timeLimit(run.signal, parts.timeoutMs, database);
  const { signal } = limit;
  signal.throwIfAborted();
  await using recovery = await openContext(parts);
  const journal = await parts.journal.begin(
    { command: "backup", database },
    (record) => recovererOf(parts, record),
    recovery,
  );
  const context: OperationContext = { ...recovery, signal, journal, progress: progressOf(parts, database) };
  const probe = await adapter.probe(context);
  // Two databases of this run may be in one container: they are no strangers to each other, whose lock would be an error.
  return await inTurn(`${run.runId} ${probe.container?.id ?? probe.resource}`, signal, async () => {
    await using _lock = await lockDatabase(parts, probe, { wait: run.wait, signal });
    return await closing(journal, () =>
      takeBackup({ ...parts, store: endedBy(parts.store, signal) }, adapter, context, {
        probe,
        runId: run.runId,
        purpose: "backup",
      }),
    );
  });
}

/** Makes a backup and settles what that left in the journal, whether it succeeded or not. */
async function closing(operation: OpenOperation, work: () => Promise<TakenBackup>): Promise<Attempt> {
  let taken: TakenBackup;
  try {
    taken = await work();
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
  const unsettled = await operation.close("finish").then(
    () => undefined,
    (error: unknown) => toBackupError(error),
  );
  return { taken, unsettled };
}

/** What a backup came to whose drill was asked for: the backup is there whatever the drill says. */
async function proven(parts: SystemParts, taken: TakenBackup, run: Run): Promise<BackupOutcome> {
  const { manifest } = taken;
  const made = succeeded(taken);
  let drill: Drilled;
  try {
    using limit = timeLimit(run.signal, parts.timeoutMs, manifest.database);
    drill = await drillBackup(parts, manifest, limit.signal);
  } catch (thrown) {
    drill = undecided(thrown, manifest.database);
  }
  const { verdict, forms, rto, error } = drill;
  const report = { verdict, forms, ...(rto !== undefined && { rto }) };
  if (verdict === "proven" && made.backup !== undefined) {
    return { ...made, backup: { ...made.backup, verified: "restore" }, drill: report };
  }
  const status = verdict === "damaged" ? "failed" : drill.status === "cancelled" ? "cancelled" : "partial";
  const unproven = verdict === "damaged" ? [] : ["it was not proven: its drill could not be held"];
  return {
    ...made,
    status,
    drill: report,
    incomplete: [...made.incomplete, ...unproven],
    ...(error !== undefined && { error }),
  };
}

function succeeded({ manifest, problems }: TakenBackup): BackupOutcome {
  return {
    status: manifest.status,
    backup: {
      id: manifest.id,
      sequence: manifest.sequence,
      serverVersion: manifest.serverVersion,
      plainBytes: plainBytes(manifest),
      storedBytes: storedBytes(manifest),
      forms: manifest.forms.map(({ name, method, capture, pausedMs, fingerprint, notCovered }) => ({
        name,
        method,
        capture,
        pausedMs,
        facts: Object.keys(fingerprint).length,
        notCovered,
      })),
      verified: "structure",
      empty: manifest.empty,
    },
    incomplete: manifest.incomplete,
    warnings: [...manifest.warnings, ...problems],
  };
}
