import type { Outcome } from "@sutazai/backup-core";
import type { Budgets, Coverage, Drill, Forecast, KeptBackup, MeasuredRestore, Problem, Run, Sample } from "./parts.ts";

export const masterReportVersion = 1;

/**
 * How things stand and where they are heading: everything that the HTML, the text, the CSV and the metrics show.
 * Documented in `docs/report.md`. Times are ISO 8601 in UTC, sizes bytes, durations milliseconds; null is what is not known.
 */
export interface MasterReport {
  readonly report: "master";
  readonly version: typeof masterReportVersion;
  readonly generatedAt: string;
  /** Runs and samples from here on; what is kept is told whole. */
  readonly since: string;
  /** That of the most severe problem. */
  readonly status: "ok" | "warning" | "critical";
  /** The most severe first. */
  readonly problems: readonly Problem[];
  /** What could not be looked at, and so is missing here. */
  readonly notes: readonly string[];
  readonly store: StoreStanding;
  /** In the order they were configured, then those that only the store knows. */
  readonly databases: readonly DatabaseStanding[];
  /** Of the platform: everything is restored one after the other, so its time is the sum. */
  readonly rto: { readonly ms: number | null; readonly budgetMs: number };
  /** The age of the oldest last good backup; null while one has none. */
  readonly rpo: { readonly ms: number | null };
  readonly coverage: Coverage;
  /** Newest first. */
  readonly runs: readonly Run[];
}

export interface StoreStanding {
  readonly location: string;
  readonly backups: number;
  readonly storedBytes: number;
  readonly freeBytes: number | null;
  readonly forecast: Forecast;
  /** What it held at the end of each day (UTC) since, and now. */
  readonly history: readonly { readonly at: string; readonly storedBytes: number }[];
}

export interface DatabaseStanding {
  readonly database: string;
  /** Null where no readable backup and no report tells. */
  readonly kind: string | null;
  readonly status: "ok" | "warning" | "critical";
  /**
   * Its configuration or its container was found; of others only the store tells. True of all where none was found, or Docker did not
   * answer: that makes nothing less urgent.
   */
  readonly configured: boolean;
  readonly budgets: Budgets;
  /** The newest backup run that it was part of; null where none is known. */
  readonly lastRun: {
    readonly runId: string;
    readonly at: string;
    readonly status: Outcome;
    readonly durationMs: number;
    readonly error: { readonly reason: string; readonly message: string; readonly hint: string | null } | null;
  } | null;
  /** The newest that is whole, read to its end, and not known to be damaged; null where there is none. */
  readonly lastGood: KeptBackup | null;
  /** RPO now: what a loss at this moment would cost; from the moment that the last good backup shows. */
  readonly rpoMs: number | null;
  /** The last time that a restore of it was measured, by a drill or for real. */
  readonly rto: MeasuredRestore | null;
  /** Newest first; of them, those since, and the newest in any case. */
  readonly drills: readonly Drill[];
  /** Kept, newest first. */
  readonly backups: readonly KeptBackup[];
  /** Sizes and durations since, oldest first, also of backups that are gone. */
  readonly samples: readonly Sample[];
  readonly coverage: Coverage;
}
