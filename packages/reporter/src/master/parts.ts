import type { MeasuredRto, Outcome } from "@sutazai/backup-core";

export const levels = ["checksum", "structure", "restore"] as const;
export type Level = (typeof levels)[number];

/** From the least to the most urgent. */
export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** What is expected of a database. Milliseconds. */
export interface Budgets {
  /** The last good backup may be so old. */
  readonly rpoMs: number;
  /** A restore may take so long. */
  readonly rtoMs: number;
  /** The last proven drill may be so old. */
  readonly drillMs: number;
}

/** A backup that is in the store. */
export interface KeptBackup {
  readonly id: string;
  readonly database: string;
  readonly purpose: "backup" | "safety" | null;
  /** Null where its manifest cannot be read. */
  readonly status: "ok" | "partial" | null;
  readonly sequence: number | null;
  /** From here on it shows the database: the earliest moment of its forms. */
  readonly capturedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  readonly plainBytes: number;
  readonly storedBytes: number;
  readonly empty: boolean;
  /** The highest level passed, and when it last did; null where none, or where it is damaged. */
  readonly proven: { readonly level: Level; readonly at: string } | null;
  readonly damage: { readonly level: Level; readonly at: string } | null;
  readonly pinned: string | null;
  /** Why its manifest or what is noted beside it cannot be read. */
  readonly problem: string | null;
  /** Whole, read to its end, and not known to be damaged. */
  readonly good: boolean;
}

/** One backup as it was made. */
export interface Sample {
  readonly backup: string;
  readonly at: string;
  readonly plainBytes: number;
  readonly storedBytes: number;
  readonly durationMs: number;
  readonly status: Outcome;
  /** It is still in the store. */
  readonly kept: boolean;
}

export interface Drill {
  readonly at: string;
  readonly backup: string | null;
  readonly verdict: "proven" | "damaged" | "undecided";
  readonly rto: MeasuredRto | null;
  /** Facts found equal after the restart. */
  readonly factsCompared: number | null;
  /** Why not proven. */
  readonly reason: string | null;
}

export interface MeasuredRestore {
  readonly ms: number;
  readonly by: "drill" | "restore";
  readonly at: string;
  readonly backup: string;
  /** What that backup held; null where it is gone. */
  readonly plainBytes: number | null;
}

/** How many of the kept backups have passed which level as their highest; each is counted once. */
export interface Coverage {
  readonly backups: number;
  readonly restore: number;
  readonly structure: number;
  readonly checksum: number;
  readonly none: number;
  readonly damaged: number;
  /** What is noted beside them, or their manifest, cannot be read. */
  readonly unknown: number;
}

export interface Run {
  readonly runId: string;
  readonly command: "backup" | "restore" | "drill" | "prune";
  readonly status: Outcome;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly databases: readonly {
    readonly database: string;
    readonly status: Outcome;
    readonly reason: string | null;
  }[];
  /** Bytes that a prune freed; null for the others. */
  readonly freedBytes: number | null;
}

export type Forecast =
  | {
      /** Enough days to go by. */
      readonly known: true;
      readonly bytesPerDay: number;
      /** When free space ends at this rate; null where the store does not grow, or not within ten years, or free space is not known. */
      readonly fullAt: string | null;
      readonly days: number | null;
    }
  | { readonly known: false; readonly reason: string };

/**
 * Something that is wrong, derived from facts. `cause` is always the same for the same thing, so that it can be told once and closed when it
 * has passed: `backup-failed:postgres`.
 */
export interface Problem {
  readonly cause: string;
  readonly severity: Severity;
  /** Null where it is about the store. */
  readonly database: string | null;
  readonly since: string;
  readonly title: string;
  readonly what: string;
  /** What to do now. */
  readonly action: string;
}
