import type { SerializedError } from "./error.ts";
import type { FormFacts } from "./manifest.ts";

/** How one database, or a whole run, ended. A run is `ok` only if every database is, `failed` only if none is `ok` or `partial`. */
export type Outcome = "ok" | "partial" | "failed" | "cancelled";

/** The master report of one backup run; `master_backup_report_<run id>.json` in the store. Times ISO 8601, sizes bytes. */
export interface BackupReport {
  readonly report: "backup";
  readonly version: 1;
  readonly runId: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly store: string;
  readonly databases: readonly DatabaseBackupResult[];
}

export interface DatabaseBackupResult {
  readonly database: string;
  readonly kind: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  /** Present where a backup was published. */
  readonly backup?: {
    readonly id: string;
    readonly sequence: number;
    readonly serverVersion: string;
    readonly plainBytes: number;
    readonly storedBytes: number;
    readonly forms: readonly {
      readonly name: string;
      readonly method: string;
      readonly capture: FormFacts["capture"];
      /** Milliseconds for which the service stood still or was down. */
      readonly pausedMs: number;
      readonly facts: number;
      readonly notCovered: readonly string[];
    }[];
    /** What has been proven of it so far. */
    readonly verified: "checksum" | "structure" | "none";
    readonly empty: boolean;
  };
  readonly incomplete: readonly string[];
  readonly warnings: readonly string[];
  readonly error?: SerializedError;
}

/** The report of one restore command; `restore_report_<id>.json` in the store. */
export interface RestoreReport {
  readonly report: "restore";
  readonly version: 1;
  readonly runId: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly store: string;
  readonly databases: readonly DatabaseRestoreResult[];
}

export interface DatabaseRestoreResult {
  readonly database: string;
  readonly kind: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  /** The backup that was, or was to be, restored. */
  readonly backup?: string;
  readonly form?: string;
  readonly method?: string;
  /** The backup of the state before. */
  readonly safetyBackup?: string;
  /**
   * What the database holds now. `untouched`: nothing of it was changed. `rolled-back`: as it was before. `restored`: the backup,
   * validated. `unsettled`: the journal says how to go on; run `recover`.
   */
  readonly state: "untouched" | "restored" | "rolled-back" | "unsettled";
  /** How many facts of the fingerprint were found equal. */
  readonly factsCompared?: number;
  readonly evidence: readonly string[];
  /** After a rollback: whether what is there now was compared with the safety backup, and how it ended. */
  readonly rollback?: string;
  readonly warnings: readonly string[];
  readonly error?: SerializedError;
}

/** The outcome of several. */
export function overallOutcome(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes("cancelled")) return "cancelled";
  if (outcomes.every((outcome) => outcome === "ok")) return "ok";
  return outcomes.every((outcome) => outcome === "failed") ? "failed" : "partial";
}
