import type { BackupReport, DrillReport, Outcome, RestoreReport, SerializedError } from "@sutazai/backup-core";
import type { Thresholds } from "./anomalies.ts";
import type { Budgets, Drill, KeptBackup } from "./parts.ts";

/** What a prune did, as far as reports need it. */
export interface PruneFacts {
  readonly report: "prune";
  readonly runId: string;
  readonly status: Outcome;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly freedBytes: number;
  readonly databases: readonly {
    readonly database: string;
    readonly status: Outcome;
    readonly deleted: readonly string[];
    readonly error?: SerializedError | undefined;
  }[];
}

export type RunReport = BackupReport | RestoreReport | DrillReport | PruneFacts;

/** A kept backup, and what restoring it came to, as noted beside it. */
export interface BackupFact extends KeptBackup {
  readonly kind: string | null;
  readonly drills: readonly Drill[];
  readonly restores: readonly { readonly at: string; readonly ms: number }[];
}

/** Everything that a report is made of. It is gathered elsewhere; what follows from it is pure. */
export interface ReportFacts {
  /** Now. */
  readonly at: string;
  readonly since: string;
  readonly store: string;
  readonly freeBytes: number | null;
  /** Those that are configured; whatever else the facts name comes after them. */
  readonly databases: readonly { readonly database: string; readonly kind: string }[];
  /** False where others may be configured as well: Docker could not be asked. */
  readonly isWhole?: boolean;
  /** Those that were found before and are not found now, each with what to do. */
  readonly missing?: readonly { readonly database: string; readonly kind: string; readonly action: string }[];
  /** Those that are no more on purpose. */
  readonly retired?: readonly string[];
  readonly budgets: Budgets;
  readonly budgetsOf: Readonly<Record<string, Partial<Budgets>>>;
  /** From what on a backup is suspicious, where that is not as usual; in general, and of single databases. */
  readonly thresholds?: Partial<Thresholds>;
  readonly thresholdsOf?: Readonly<Record<string, Partial<Thresholds>>>;
  readonly backups: readonly BackupFact[];
  readonly reports: readonly RunReport[];
  /** What was published into the store (positive) and deleted from it (negative), in stored bytes; empty where its log does not tell. */
  readonly changes: readonly { readonly at: string; readonly bytes: number }[];
  /** Why the store's log could not be followed. */
  readonly brokenLog: string | null;
  readonly notes: readonly string[];
}

/** A good backup a day, half an hour to be back, a drill a month, with slack for the time that each takes. */
export const defaultBudgets: Budgets = {
  rpoMs: 25 * 3_600_000,
  rtoMs: 30 * 60_000,
  drillMs: 32 * 86_400_000,
};
