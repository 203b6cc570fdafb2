import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupError,
  newId,
  overallOutcome,
  toBackupError,
  toJson,
  type FoundOperation,
  type Outcome,
  type SerializedError,
  type StoredBackup,
} from "@sutazai/backup-core";
import { forecastAfter, type Forecast } from "@sutazai/backup-reporter";
import {
  planRetention,
  type RetentionDecision,
  type RetentionPlan,
  type RetentionPolicy,
  type RetentionSettings,
} from "@sutazai/backup-store";
import type { SystemParts } from "../context.ts";
import { lockStore } from "../locks.ts";
import { followHead, prepareStore } from "../verify/log-head.ts";
import { retentionFactsOf } from "./facts.ts";
import { policyOf } from "./policy.ts";
import { oldReports } from "../report/files.ts";
import { gatherReport } from "../report/report.ts";
import { settleDeadOperations } from "../recover.ts";
import { tellStart, type Run, type RunOptions } from "../run.ts";
import { storedBytes } from "../backup/take-backup.ts";
import { warn } from "../warn.ts";

export interface PruneOptions extends RunOptions {
  /** Names; all that the store has backups of unless given, configured or not. */
  readonly databases?: readonly string[];
  /** Only tell what would go. Takes no lock and changes nothing. */
  readonly dryRun?: boolean;
  /** Delete although the clock seems to have jumped. */
  readonly allowUnusual?: boolean;
  /** Rules for this time, stronger than the configured ones. */
  readonly rules?: RetentionSettings;
}

/** What a prune did, or, where it was a dry run, would do; `prune_report_<id>.json` in the store where it deleted anything. */
export interface PruneReport {
  readonly report: "prune";
  readonly version: 1;
  readonly runId: string;
  readonly dryRun: boolean;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly store: string;
  /** Of the store's log when the run ended. */
  readonly logHead?: string;
  /** Stored bytes of the artifacts deleted; of those that would be, in a dry run. */
  readonly freedBytes: number;
  /** Reports of runs that were too old (`reportDays`). */
  readonly removedReports: number;
  /** When the store's disk is full: as things stood, and with what was freed (in a dry run: would be). */
  readonly forecast: { readonly before: Forecast; readonly after: Forecast };
  readonly databases: readonly DatabasePruneResult[];
}

export interface DatabasePruneResult {
  readonly database: string;
  /** `ok` where everything went that was to go, `partial` where only some of it did, `failed` where nothing did. */
  readonly status: Outcome;
  readonly policy: RetentionPolicy;
  /** Oldest first, with the reasons why each stays or goes. What is damaged beyond reading comes first. */
  readonly backups: readonly PruneDecision[];
  /** Ids, in the order of their deletion; empty in a dry run. */
  readonly deleted: readonly string[];
  readonly freedBytes: number;
  readonly error?: SerializedError;
}

export interface PruneDecision extends RetentionDecision {
  /** Zero where its manifest cannot be read. */
  readonly bytes: number;
  readonly startedAt?: string;
}

/**
 * Deletes what the retention policy lets go, under the store's exclusive lock: nobody backs up, restores or verifies meanwhile.
 * Killed at any moment it leaves every backup whole and listed, or gone; the next one goes on. Throws only where nothing could be begun.
 */
export async function runPrune(parts: SystemParts, options: PruneOptions = {}): Promise<PruneReport> {
  const { dryRun = false, wait = false, signal = new AbortController().signal } = options;
  const run = { runId: options.runId ?? newId(), wait, signal };
  if (!dryRun) await prepareStore(parts);
  await using _lock = dryRun ? undefined : await lockStore(parts, "exclusive", run);
  if (!dryRun) await settleDeadOperations(parts);
  const wanted = selected(parts, await parts.store.list(), options.databases ?? []);
  const policies = new Map([...wanted.keys()].map((name) => [name, policyOf(parts.retention, name, options.rules)]));
  const operations = await parts.journal.list();
  const forecastOf = await forecasting(parts);

  const startedAt = new Date().toISOString();
  parts.emit({ type: "run-start", at: startedAt, runId: run.runId, command: "prune", databases: [...wanted.keys()] });
  const databases: DatabasePruneResult[] = [];
  for (const [name, policy] of policies) {
    databases.push(await pruneOne(parts, { name, policy, stored: wanted.get(name) ?? [], operations }, options, run));
  }
  const freedBytes = databases.reduce((sum, database) => sum + database.freedBytes, 0);
  const status = overallOutcome(databases.map((database) => database.status));
  // What speaks against deleting backups may be the clock.
  const removedReports = status === "ok" ? await removeOldReports(parts, dryRun) : 0;
  const logHead = dryRun ? undefined : await followHead(parts);
  const report: PruneReport = {
    report: "prune",
    version: 1,
    runId: run.runId,
    dryRun,
    status,
    startedAt,
    endedAt: new Date().toISOString(),
    store: parts.store.location,
    ...(logHead !== undefined && { logHead }),
    freedBytes,
    removedReports,
    forecast: { before: forecastOf(0), after: forecastOf(freedBytes) },
    databases,
  };
  await end(parts, report);
  return report;
}

/** How many there were, or, in a dry run, are. */
async function removeOldReports(parts: SystemParts, dryRun: boolean): Promise<number> {
  const { location } = parts.store;
  try {
    const old = await oldReports(location, new Date(Date.now() - parts.reportDays * 86_400_000));
    for (const name of dryRun ? [] : old) await rm(join(location, name), { force: true });
    return old.length;
  } catch (error) {
    warn(parts, `old reports of runs could not be removed: ${toBackupError(error).message}`);
    return 0;
  }
}

/** Whether a prune would find something to delete. Changes nothing, and tells nobody. */
export async function findsAnything(parts: SystemParts, databases: readonly string[]): Promise<boolean> {
  const operations = await parts.journal.list();
  for (const [name, stored] of selected(parts, await parts.store.list(), databases)) {
    const { decisions } = await planOf(parts, policyOf(parts.retention, name), stored, operations);
    if (decisions.some(({ action }) => action === "delete")) return true;
  }
  return false;
}

/** What so many bytes freed make of the forecast, by how the store stands now. */
async function forecasting(parts: SystemParts): Promise<(freedBytes: number) => Forecast> {
  try {
    const { store } = await gatherReport({ store: parts.store, databases: [] });
    return (freedBytes) => forecastAfter(store, freedBytes);
  } catch (error) {
    const { message: reason } = toBackupError(error);
    return () => ({ known: false, reason });
  }
}

/** Backups by database. Also of those no longer configured: their backups are in the store all the same. */
function selected(
  parts: SystemParts,
  all: readonly StoredBackup[],
  names: readonly string[],
): Map<string, readonly StoredBackup[]> {
  const byDatabase = Map.groupBy(all, ({ database }) => database);
  if (names.length === 0) return byDatabase;
  return new Map(
    [...new Set(names)].map((name) => {
      const stored = byDatabase.get(name);
      if (stored !== undefined || parts.databases.has(name)) return [name, stored ?? []];
      throw new BackupError("configuration", `there is no database "${name}"`, {
        operation: "prune",
        hint: `known: ${[...new Set([...byDatabase.keys(), ...parts.databases.keys()])].join(", ")}`,
      });
    }),
  );
}

interface Wanted {
  readonly name: string;
  readonly policy: RetentionPolicy;
  readonly stored: readonly StoredBackup[];
  readonly operations: readonly FoundOperation[];
}

async function pruneOne(
  parts: SystemParts,
  { name, policy, stored, operations }: Wanted,
  { dryRun = false, allowUnusual = false }: PruneOptions,
  { signal }: Run,
): Promise<DatabasePruneResult> {
  const started = performance.now();
  const kind = parts.databases.get(name)?.kind ?? stored.findLast(({ manifest }) => manifest)?.manifest?.kind;
  if (kind !== undefined) tellStart(parts, { name, kind });
  const manifests = new Map(stored.map(({ id, manifest }) => [id, manifest]));
  const bytesOf = (id: string) => {
    const manifest = manifests.get(id);
    return manifest === undefined ? 0 : storedBytes(manifest);
  };
  const deleted: string[] = [];
  let going: readonly string[] = [];
  let backups: readonly PruneDecision[] = [];
  let error: BackupError | undefined;
  try {
    const { decisions, unusual } = await planOf(parts, policy, stored, operations);
    backups = decisions.map((decision) => {
      const startedAt = manifests.get(decision.id)?.startedAt;
      return { ...decision, bytes: bytesOf(decision.id), ...(startedAt !== undefined && { startedAt }) };
    });
    // Newest first: what needs another goes before what it needs.
    going = decisions.flatMap(({ id, action }) => (action === "delete" ? id : [])).toReversed();
    if (unusual.length > 0 && going.length > 0 && !allowUnusual) throw refusal(name, going.length, unusual);
    for (const id of dryRun ? [] : going) {
      signal.throwIfAborted();
      parts.emit({ type: "progress", at: new Date().toISOString(), database: name, step: `deleting ${id}` });
      await parts.store.delete(id);
      deleted.push(id);
    }
  } catch (thrown) {
    error = toBackupError(thrown, { operation: "prune", database: name });
  }
  const result: DatabasePruneResult = {
    database: name,
    status: outcomeOf(error, deleted.length),
    policy,
    backups,
    deleted,
    freedBytes: (dryRun ? going : deleted).reduce((sum, id) => sum + bytesOf(id), 0),
    ...(error !== undefined && { error: error.toJSON() }),
  };
  parts.emit({
    type: "database-end",
    at: new Date().toISOString(),
    database: name,
    status: result.status,
    durationMs: Math.round(performance.now() - started),
    freedBytes: result.freedBytes,
    ...(result.error !== undefined && { error: result.error }),
  });
  return result;
}

async function planOf(
  { store }: SystemParts,
  policy: RetentionPolicy,
  stored: readonly StoredBackup[],
  operations: readonly FoundOperation[],
): Promise<RetentionPlan> {
  const facts = await Promise.all(stored.map((backup) => retentionFactsOf(store, backup, operations)));
  return planRetention(
    facts.filter((fact) => fact !== undefined),
    policy,
    new Date(),
  );
}

function outcomeOf(error: BackupError | undefined, deleted: number): Outcome {
  if (error === undefined) return "ok";
  if (error.reason === "cancelled") return "cancelled";
  return deleted === 0 ? "failed" : "partial";
}

function refusal(database: string, count: number, unusual: readonly string[]): BackupError {
  return new BackupError("refused", `${count} backups of ${database} would go, but ${unusual.join("; ")}`, {
    operation: "prune",
    database,
    hint: "check the clock, and what would go with `sutazai-backup prune --dry-run`; where that is right, add --allow-unusual (or keep a number, whatever their age: --keep-last)",
  });
}

/** Keeps the report where backups are gone for good, and tells that the run has ended. */
async function end(parts: SystemParts, report: PruneReport): Promise<void> {
  const { runId, status, endedAt, startedAt, databases, logHead } = report;
  let path: string | undefined;
  if (databases.some(({ deleted }) => deleted.length > 0)) {
    path = await parts.store.writeReport(`prune_report_${runId}.json`, toJson(report)).catch((error: unknown) => {
      warn(parts, `the report could not be kept in the store: ${toBackupError(error).message}`);
      return undefined;
    });
  }
  parts.emit({
    type: "run-end",
    at: endedAt,
    runId,
    status,
    durationMs: Date.parse(endedAt) - Date.parse(startedAt),
    ...(path !== undefined && { report: path }),
    ...(logHead !== undefined && { logHead }),
  });
}
