export { formatMasterCsv } from "./csv.ts";
export { formatDrillReport } from "./drill.ts";
export { describeForecast, formatMasterReport } from "./master-text.ts";
export { anomalies, type Anomaly, type Thresholds } from "./master/anomalies.ts";
export { masterReport } from "./master/assemble.ts";
export { assess, type Assessable } from "./master/assess.ts";
export { forecastAfter } from "./master/forecast.ts";
export { defaultBudgets, type BackupFact, type PruneFacts, type ReportFacts, type RunReport } from "./master/facts.ts";
export type {
  Budgets,
  Coverage,
  Drill,
  Forecast,
  KeptBackup,
  MeasuredRestore,
  Problem,
  Run,
  Sample,
  Severity,
} from "./master/parts.ts";
export { masterReportVersion, type DatabaseStanding, type MasterReport, type StoreStanding } from "./master/report.ts";
export { masterReportJsonSchema, masterReportSchema } from "./master/schema.ts";
export { printableLines } from "./printable.ts";
export { table } from "./table.ts";
export { RunRecording, type RecordedRun } from "./telemetry/recording.ts";
export { formatBackupReport, formatRestoreReport } from "./text.ts";
export { formatBytes, formatDuration } from "./units.ts";
