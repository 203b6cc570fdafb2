export { chromadbAdapter, type ChromadbOptions } from "@sutazai/backup-chromadb";
export { faissAdapter, type FaissOptions } from "@sutazai/backup-faiss";
export { neo4jAdapter, type Neo4jOptions } from "@sutazai/backup-neo4j";
export { postgresAdapter, type PostgresOptions } from "@sutazai/backup-postgres";
export { qdrantAdapter, type QdrantOptions } from "@sutazai/backup-qdrant";
export { redisAdapter, type RedisOptions } from "@sutazai/backup-redis";
export {
  assess,
  formatBackupReport,
  describeForecast,
  formatBytes,
  formatDrillReport,
  formatDuration,
  formatRestoreReport,
  masterReportJsonSchema,
  masterReportSchema,
  printableLines,
  table,
  type Assessable,
  type Budgets,
  type MasterReport,
  type Problem,
} from "@sutazai/backup-reporter";
export { standingOf, type DrillVerification, type Standing, type Verification } from "@sutazai/backup-verifier";
export { auditHead, auditedActions, type AuditEntry, type AuditedAction } from "./audit/audit-log.ts";
export { supportedKinds } from "./adapters.ts";
export type { BackupOptions } from "./backup/backup.ts";
export { loadConfig, type Discovered, type LoadedConfig, type LoadOptions } from "./config/load.ts";
export { defineConfig, type BackupConfig, type DatabaseConfig, type Settings } from "./config/settings.ts";
export { variables, type Variable } from "./config/variables.ts";
export type { DrillOptions } from "./verify/drill.ts";
export { discoveryProblem, effectiveSettings, type EffectiveSetting } from "./config-show/effective.ts";
export { configJsonSchema } from "./config-show/json-schema.ts";
export { defaultDirectories } from "./config/directories.ts";
export type { Look } from "./monitor/look.ts";
export type { Probes, Reached } from "./monitor/probes.ts";
export { lookAtScheduler, type ScheduledTaskStanding, type SchedulerStanding } from "./monitor/schedule.ts";
export { formatDeliveries, formatLook, lookAsJson } from "./monitor/text.ts";
export type { MonitorReport, NotificationStanding, WatchOptions } from "./monitor/monitor.ts";
export {
  emailChannel,
  healthcheckChannel,
  Notifier,
  slackChannel,
  webhookChannel,
  type Delivery,
  type PingDelivery,
} from "@sutazai/backup-notifier";
export { discover, type DiscoveredDatabase, type Discovery } from "./discover.ts";
export { configText } from "./init/config-text.ts";
export {
  proposeDatabases,
  secretOptions,
  tryDatabase,
  type ProposedDatabase,
  type TriedDatabase,
} from "./init/propose.ts";
export { recommendedSchedule, startingConfig, type ConfiguredDatabase, type StartingPoint } from "./init/start.ts";
export { assertMayWrite, initFile, writeConfig, type WriteConfigOptions } from "./init/write.ts";
export { dockerRuntime } from "@sutazai/backup-containers";
export { logLevels, type LogLevel, type RunLog } from "./run-log/run-log.ts";
export type { RunLogRequest } from "./run-log/run-log-of.ts";
export { localStore } from "./local-store.ts";
export { openBackupSystem, type OpenOptions, type OpenedBackupSystem } from "./open.ts";
export { pinOf, type Pin } from "./prune/pin.ts";
export type { RetentionConfig } from "./prune/policy.ts";
export type { DatabasePruneResult, PruneDecision, PruneOptions, PruneReport } from "./prune/prune.ts";
export { retentionPolicy, type RetentionPolicy, type RetentionSettings } from "@sutazai/backup-store";
export type { PlatformExport } from "./platform/export.ts";
export {
  gatherReport,
  metricsText,
  renderReport,
  reportFormats,
  writeReportFile,
  type ReportFormat,
  type ReportOptions,
} from "./report/report.ts";
export { reportTimes, type ReportTimes } from "./report/times.ts";
export type { RecoveredOperation, RecoverReport } from "./recover.ts";
export type { AdapterIn } from "./restore/into.ts";
export type { ExpectedTime, MeasuredTime } from "./restore/expected-time.ts";
export type { PlannedRestore, PlannedSafetyBackup } from "./restore/plan.ts";
export type { RestoreOptions } from "./restore/restore.ts";
export { runScheduled, type ScheduledRun } from "./schedule/run.ts";
export {
  installSchedule,
  openBackend,
  plannedTasks,
  runHistory,
  scheduleEnvironmentFile,
  schedulePlan,
  type PlanOptions,
} from "./schedule/schedule.ts";
export { livingDaemon, scheduleStatus, type ScheduleStatus } from "./schedule/status.ts";
export { runDaemon, type ScheduleDaemonOptions } from "./schedule/daemon.ts";
export { failedToOpen } from "./schedule/not-opened.ts";
export { scheduleOf, taskNames, type ScheduleSettings, type TaskName } from "./schedule/settings.ts";
export type { TaskResult } from "./schedule/tasks.ts";
export {
  backendNames,
  nextRuns,
  type Backend,
  type BackendName,
  type Change,
  type DaemonEvent,
  type InstalledFile,
  type InstalledTask,
  type Place,
  type PlannedTask,
  type SchedulePlan,
} from "@sutazai/backup-scheduler";
export type { CheckStatus, Finding, Layer } from "./self-test/check.ts";
export { formatSelfTest } from "./self-test/format.ts";
export { keepSelfTest, selfTestDirectory } from "./self-test/keep.ts";
export { selfTestSubject } from "./self-test/open.ts";
export { runSelfTest, type CheckResult, type SelfTestOptions, type SelfTestReport } from "./self-test/run.ts";
export type { TestedSystem } from "./self-test/subject.ts";
export { describeOperation, stepsOf } from "./unfinished.ts";
export type { Coverage, Share } from "./verify/share.ts";
export {
  createBackupSystem,
  type BackupSystem,
  type BackupSystemOptions,
  type LookAtSystemOptions,
  type UnlockReport,
} from "./system.ts";
export { Telemetry, type TelemetryOptions } from "./telemetry/telemetry.ts";
export type { VerifiedLog, VerifyLogOptions } from "./verify/verify-log.ts";
export type { VerifiedBackup, VerifyOptions } from "./verify/verify.ts";
export {
  BackupError,
  isBackupError,
  Secret,
  type BackupEvent,
  type BackupReport,
  type DrillReport,
  type EventListener,
  type Manifest,
  type RestoreReport,
  type StoredBackup,
} from "@sutazai/backup-core";
