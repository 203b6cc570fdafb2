import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import {
  BackupError,
  Journal,
  showProcessIn,
  silentLogger,
  type ArtifactSource,
  type Annotation,
  type BackupReport,
  type ContainerRuntime,
  type DatabaseAdapter,
  type DrillReport,
  type EventListener,
  type FoundOperation,
  type Json,
  type Linked,
  type LockHolder,
  type Logger,
  type RestoreReport,
  type Store,
  type StoredBackup,
} from "@sutazai/backup-core";
import type { MasterReport } from "@sutazai/backup-reporter";
import type { Standing } from "@sutazai/backup-verifier";
import { AuditLog, type AuditEntry, type AuditFacts } from "./audit/audit-log.ts";
import { Auditor, audited } from "./audit/audited.ts";
import { runBackup, type BackupOptions } from "./backup/backup.ts";
import { defaultDirectories } from "./config/directories.ts";
import type { Discovered } from "./config/load.ts";
import type { DrillSettings, SystemParts } from "./context.ts";
import { runDrill, type DrillOptions } from "./verify/drill.ts";
import type { AdapterIn } from "./restore/into.ts";
import { lookAt, type Look } from "./monitor/look.ts";
import {
  expectedReport,
  lookAndTell,
  type MonitorReport,
  type NotificationStanding,
  type WatchOptions,
} from "./monitor/monitor.ts";
import { watchedRuns } from "./notify/runs.ts";
import { pinsOf, runPin, runUnpin, type Pin } from "./prune/pin.ts";
import type { RetentionConfig } from "./prune/policy.ts";
import { runPrune, type PruneOptions, type PruneReport } from "./prune/prune.ts";
import { exportPlatform, type PlatformExport } from "./platform/export.ts";
import { recoverAll, type RecoverReport } from "./recover.ts";
import { standingsOf } from "./verify/prove.ts";
import type { ReportOptions } from "./report/report.ts";
import { planRestores, type PlannedRestore } from "./restore/plan.ts";
import { runRestore, type RestoreOptions } from "./restore/restore.ts";
import type { RunOptions } from "./run.ts";
import { unlockDatabases } from "./locks.ts";
import { runVerifyLog, type VerifiedLog, type VerifyLogOptions } from "./verify/verify-log.ts";
import { runVerify, type VerifiedBackup, type VerifyOptions } from "./verify/verify.ts";

export interface BackupSystemOptions {
  /** Names must be unique. */
  readonly databases: readonly DatabaseAdapter[];
  readonly store: Store;
  /** The local Docker daemon unless given. */
  readonly containers?: ContainerRuntime;
  /** Where the intent journal is kept; must survive a crash, and be the same one for every process of this host. */
  readonly stateDirectory?: string;
  /** Databases backed up at once; 6 unless given. */
  readonly parallel?: number;
  /** Time limit for one database; 4 hours unless given. */
  readonly timeoutMs?: number;
  /** Names of databases: those first, in this order, when all are restored; the order in which they are given otherwise. */
  readonly restoreOrder?: readonly string[];
  /** Makes the adapter of a database for another container, under the given name: what `restore` with `into` needs. */
  readonly adapterIn?: AdapterIn;
  /** How the databases were looked for, where nobody has named them: then one that is there no more is missed. */
  readonly discovery?: Discovered | undefined;
  /** 1 GiB of memory, and the images in the manifests, unless given. */
  readonly drill?: Partial<DrillSettings>;
  /** What `prune` keeps: 30 days unless given. */
  readonly retention?: RetentionConfig;
  /** Days that `prune` keeps the reports of runs; 366 unless given. */
  readonly reportDays?: number;
  /** The file that tells who did what; `audit.jsonl` in the state directory unless given. */
  readonly auditLog?: string | undefined;
  /** What was typed, for the audit log; `library` unless given. Never with a secret. */
  readonly command?: string | undefined;
  /** The settings this was made of, for the audit log. Never with a secret. */
  readonly settings?: Json | undefined;
  /** Names the first run, so that its log can be named alike. */
  readonly runId?: string | undefined;
  /** Who is told of what is wrong, and what is expected. */
  readonly watch?: WatchOptions;
  readonly onEvent?: EventListener;
  readonly logger?: Logger;
}

/** Everything that can be done with a set of databases and a store. Results are data; nothing is printed. */
export interface BackupSystem {
  readonly databases: readonly DatabaseAdapter[];
  readonly store: Store;
  /** Who did what, from end to end; throws `corrupt` where its chain is broken. */
  audit(): Promise<Linked<AuditEntry>[]>;
  /** For what is done beside the system: a change of the schedule. */
  noteAudit(facts: Omit<AuditFacts, "runId">): Promise<void>;
  backup(options?: BackupOptions): Promise<BackupReport>;
  restore(options?: RestoreOptions): Promise<RestoreReport>;
  /** What a restore with the same options would do; touches nothing. */
  planRestore(options?: RestoreOptions): Promise<PlannedRestore[]>;
  /** Settles what dead processes left behind. */
  recover(): Promise<RecoverReport>;
  /** Operations in the journal, of dead processes and of living ones. */
  pending(): Promise<FoundOperation[]>;
  /** Oldest first. */
  list(database?: string): Promise<StoredBackup[]>;
  show(id: string): Promise<{ readonly manifest: ArtifactSource["manifest"]; readonly annotations: Annotation[] }>;
  /** By reading: digests, and the structure of every artifact. */
  verify(options?: VerifyOptions): Promise<VerifiedBackup[]>;
  /** That the store's log is whole, goes on from the heads that are known of it, and says what is there. */
  verifyLog(options?: VerifyLogOptions): Promise<VerifiedLog>;
  /** By restoring into throwaway servers. */
  drill(options?: DrillOptions): Promise<DrillReport>;
  /** What has been proven of these backups so far, by id. */
  standings(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>>;
  /** Deletes what the retention policy lets go; with `dryRun`, only tells what that is. */
  prune(options?: PruneOptions): Promise<PruneReport>;
  /** Keeps a backup from every prune. Throws `not-found`. */
  pin(id: string, options: RunOptions & { readonly reason: string }): Promise<void>;
  /** Returns the pin that was lifted; undefined where there was none. */
  unpin(id: string, options?: RunOptions): Promise<Pin | undefined>;
  /** The pins in force of these backups, by id. */
  pins(ids: readonly string[]): Promise<ReadonlyMap<string, Pin>>;
  /** A compose file of the containers that the newest good backups were taken from. Throws `not-found` where none tells of one. */
  exportPlatform(): Promise<PlatformExport>;
  /** How the backups stand and where they are heading, from what the store holds, against what is expected. Asks no database. */
  report(options?: ReportOptions): Promise<MasterReport>;
  /** How everything stands: the store, Docker, the databases, the schedule. Changes nothing, and tells nobody. */
  look(options?: LookAtSystemOptions): Promise<Look>;
  /** Looks, and tells what is wrong and what is over. For a schedule. */
  monitor(options?: LookAtSystemOptions): Promise<MonitorReport>;
  /** What people were told and is not over, and what they could not be told yet. */
  told(): Promise<readonly NotificationStanding[]>;
  /** Breaks locks of the store and of the databases, whoever holds them. */
  unlock(): Promise<UnlockReport>;
}

export interface LookAtSystemOptions {
  readonly signal?: AbortSignal;
  readonly now?: Date;
}

export interface UnlockReport {
  readonly store: readonly LockHolder[];
  /** Names of the databases that were locked. */
  readonly databases: readonly string[];
}

/** Composes a system. No I/O happens before the first call. */
export function createBackupSystem(options: BackupSystemOptions): BackupSystem {
  const stateDirectory = options.stateDirectory ?? defaultDirectories().state;
  showProcessIn(join(stateDirectory, "processes"));
  const parts: SystemParts = {
    databases: byName(options.databases),
    store: options.store,
    containers: options.containers ?? dockerRuntime(),
    journal: new Journal(join(stateDirectory, "journal")),
    stateDirectory,
    parallel: options.parallel ?? 6,
    timeoutMs: options.timeoutMs ?? 4 * 60 * 60 * 1000,
    retention: options.retention ?? {},
    reportDays: options.reportDays ?? 366,
    restoreOrder: options.restoreOrder ?? [],
    adapterIn: options.adapterIn,
    discovery: options.discovery,
    drill: { memory: 1024 ** 3, images: {}, ...options.drill },
    emit: (event) => {
      options.watch?.telemetry?.event(event);
      options.onEvent?.(event);
    },
    logger: options.logger ?? silentLogger,
  };
  const auditLog = new AuditLog({
    path: options.auditLog ?? join(stateDirectory, "audit.jsonl"),
    stateDirectory,
    command: options.command,
  });
  const { settings, runId } = options;
  const auditor = new Auditor({ log: auditLog, settings, runId, emit: parts.emit });
  const { watch = {} } = options;
  const system: BackupSystem = {
    databases: options.databases,
    store: options.store,
    audit: () => auditLog.read(),
    noteAudit: (facts) => auditor.note({ ...facts, runId: auditor.nextRunId() }),
    backup: (backupOptions) => runBackup(parts, backupOptions),
    restore: (restoreOptions) => runRestore(parts, restoreOptions),
    planRestore: (restoreOptions) => planRestores(parts, restoreOptions),
    recover: async () => {
      await parts.store.prepare();
      return recoverAll(parts);
    },
    pending: () => parts.journal.list(),
    list: (database) => parts.store.list(database),
    show: async (id) => ({
      manifest: (await parts.store.open(id)).manifest,
      annotations: await parts.store.annotations(id),
    }),
    verify: (verifyOptions) => runVerify(parts, verifyOptions),
    verifyLog: (logOptions) => runVerifyLog(parts, logOptions),
    drill: (drillOptions) => runDrill(parts, drillOptions),
    standings: (ids) => standingsOf(parts.store, ids),
    prune: (pruneOptions) => runPrune(parts, pruneOptions),
    pin: (id, pinOptions) => runPin(parts, id, pinOptions),
    unpin: (id, unpinOptions) => runUnpin(parts, id, unpinOptions),
    pins: (ids) => pinsOf(parts.store, ids),
    exportPlatform: () => exportPlatform(parts),
    report: (reportOptions) => expectedReport(parts, watch, reportOptions),
    look: ({ signal = new AbortController().signal, ...rest } = {}) =>
      lookAt(parts, { ...watch, ...rest, probes: true, signal }),
    monitor: ({ signal = new AbortController().signal, ...rest } = {}) =>
      lookAndTell(parts, watch, { ...rest, ran: "monitor", probes: true, signal, tellSignal: signal }),
    told: async () => (await watch.notifier?.standing()) ?? [],
    unlock: async () => ({ store: await parts.store.unlock(), databases: await unlockDatabases(parts) }),
  };
  const recorded = audited(system, auditor);
  return { ...recorded, ...watchedRuns(recorded, parts, watch) };
}

function byName(databases: readonly DatabaseAdapter[]): Map<string, DatabaseAdapter> {
  const map = new Map(databases.map((adapter) => [adapter.name, adapter]));
  if (map.size === databases.length) return map;
  const names = databases.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  throw new BackupError("configuration", `two databases are called "${twice}"`, {
    operation: "createBackupSystem",
    hint: "give each adapter its own `name`",
  });
}
