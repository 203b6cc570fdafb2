import { z } from "zod";

/** From the least to the most urgent. */
export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/**
 * `firing`: something is wrong, and stays so until it is `resolved`; both name the same cause. `event`: something happened that
 * needs no recovery (a run ended well, a restore was made); it is told once and opens nothing.
 */
export const noticeStates = ["firing", "resolved", "event"] as const;
export type NoticeState = (typeof noticeStates)[number];

/** What somebody should know, as data: channels put it into words. Times are ISO 8601 in UTC. Nothing in it may be a secret. */
export interface Notice {
  /** Names what is wrong, always alike, so that it is told once and closed when it has passed: `backup-failed:postgres`. */
  readonly cause: string;
  readonly severity: Severity;
  readonly state: NoticeState;
  /** One line: `Backup of postgres failed`. */
  readonly title: string;
  /** Names of the databases that it is about; empty where it is about none (the store, the schedule). */
  readonly databases: readonly string[];
  /** What failed, in a sentence or two. */
  readonly what: string;
  /** When it began. */
  readonly since: string;
  /** When this was found. */
  readonly at: string;
  /** What is still safe, for each database. Empty: not known, and told so. */
  readonly safe: readonly SafeBackup[];
  /** What the reader should do now, as imperative sentences. */
  readonly action: string;
  /** Details, a row for each database. */
  readonly facts?: NoticeTable;
  readonly runId?: string;
  /** Address or path of the report. */
  readonly report?: string;
  /** Head of the store's log, so that a log that was cut or rewritten later shows. */
  readonly logHead?: string;
}

/** The last good backup of a database; null where there is none. */
export interface SafeBackup {
  readonly database: string;
  readonly backup: {
    readonly id: string;
    /** When it was taken. */
    readonly at: string;
    /** What it has passed, and when; null where nothing. */
    readonly proven: { readonly level: "checksum" | "structure" | "restore"; readonly at: string } | null;
  } | null;
}

export interface NoticeTable {
  readonly columns: readonly string[];
  /** As many cells each as there are columns. */
  readonly rows: readonly (readonly string[])[];
}

export const noticeSchema: z.ZodType<Notice> = z.strictObject({
  cause: z.string(),
  severity: z.enum(severities),
  state: z.enum(noticeStates),
  title: z.string(),
  databases: z.array(z.string()),
  what: z.string(),
  since: z.string(),
  at: z.string(),
  safe: z.array(
    z.strictObject({
      database: z.string(),
      backup: z
        .strictObject({
          id: z.string(),
          at: z.string(),
          proven: z.strictObject({ level: z.enum(["checksum", "structure", "restore"]), at: z.string() }).nullable(),
        })
        .nullable(),
    }),
  ),
  action: z.string(),
  facts: z.strictObject({ columns: z.array(z.string()), rows: z.array(z.array(z.string())) }).optional(),
  runId: z.string().optional(),
  report: z.string().optional(),
  logHead: z.string().optional(),
}) as z.ZodType<Notice>;

/** Whether the first is more urgent than the second. */
export function isMoreSevere(one: Severity, other: Severity): boolean {
  return severities.indexOf(one) > severities.indexOf(other);
}
