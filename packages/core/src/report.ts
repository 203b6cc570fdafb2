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
  /** Of the store's log when the run ended: what `verify --log --head` compares with. Absent where it could not be read. */
  readonly logHead?: string;
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
    readonly verified: "checksum" | "structure" | "restore" | "none";
    readonly empty: boolean;
  };
  /** Present where the backup was to be proven by a drill at once. */
  readonly drill?: Pick<DatabaseDrillResult, "verdict" | "forms" | "rto">;
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
  /** Of the store's log when the run ended: what `verify --log --head` compares with. Absent where it could not be read. */
  readonly logHead?: string;
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

/** The report of one run of restore drills; `drill_report_<run id>.json` in the store. */
export interface DrillReport {
  readonly report: "drill";
  readonly version: 1;
  readonly runId: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly store: string;
  /** Of the store's log when the run ended. */
  readonly logHead?: string;
  /** One for each backup that was drilled, or that was to be. */
  readonly databases: readonly DatabaseDrillResult[];
}

export interface DatabaseDrillResult {
  readonly database: string;
  readonly kind: string;
  /** `ok` only where it was proven. */
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  /**
   * `proven`: restored, compared, restarted, compared again. `damaged`: the backup is at fault, and known as damaged from now on. `undecided`:
   * it could not be tried (no Docker, no memory, no image, cancelled), which says nothing about the backup.
   */
  readonly verdict: "proven" | "damaged" | "undecided";
  /** What was drilled. */
  readonly backup?: {
    readonly id: string;
    readonly plainBytes: number;
    readonly storedBytes: number;
    /** From its beginning to its publication, in milliseconds. */
    readonly durationMs: number;
  };
  readonly forms: readonly DrilledFormReport[];
  /** Of the form that a restore takes unless told otherwise. Present where it was proven. */
  readonly rto?: MeasuredRto;
  readonly warnings: readonly string[];
  readonly error?: SerializedError;
}

export interface DrilledFormReport {
  readonly name: string;
  readonly method: string;
  readonly ok: boolean;
  /** Facts found equal after the restart. */
  readonly factsCompared: number;
  /** How it ended after the restart of the server: not reached where it failed before. */
  readonly afterRestart: "equal" | "different" | "not reached";
}

/** The time from the command to the last check, in milliseconds, and what it went into. */
export type MeasuredRto = {
  readonly ms: number;
  /** Reading the backup to its end: digests, then its formats. */
  readonly backupCheckMs: number;
  /** Until the empty server answered, and until it answered again after its restart. */
  readonly startUpMs: number;
  /** Planning, fencing, restoring, and the validation that belongs to every restore. */
  readonly restoreMs: number;
  /** The comparisons after it, before and after the restart. */
  readonly checkMs: number;
};

/** The outcome of several. */
export function overallOutcome(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes("cancelled")) return "cancelled";
  if (outcomes.every((outcome) => outcome === "ok")) return "ok";
  return outcomes.every((outcome) => outcome === "failed") ? "failed" : "partial";
}
