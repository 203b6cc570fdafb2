import { codecNames, type CodecName } from "@sutazai/backup-core";
import type { ChromadbOptions } from "@sutazai/backup-chromadb";
import type { FaissOptions } from "@sutazai/backup-faiss";
import type { Neo4jOptions } from "@sutazai/backup-neo4j";
import type { EmailOptions, HealthcheckOptions, SlackOptions, WebhookOptions } from "@sutazai/backup-notifier";
import type { PostgresOptions } from "@sutazai/backup-postgres";
import type { QdrantOptions } from "@sutazai/backup-qdrant";
import type { RedisOptions } from "@sutazai/backup-redis";
import { retentionSettingsSchema, type RetentionSettings } from "@sutazai/backup-store";
import ms from "ms";
import { z } from "zod";
import {
  daemonSettingsSchema,
  scheduleSettingsSchema,
  timeZoneSchema,
  type DaemonSettings,
  type ScheduleSettings,
} from "../schedule/settings.ts";
import { budgetSettingsSchema, type BudgetConfig, type BudgetSettings } from "../monitor/budget-settings.ts";
import { notificationSettingsSchema, type NotificationSettings } from "../notify/settings.ts";
import { telemetrySettingsSchema, type TelemetrySettings } from "../telemetry/settings.ts";
import { durationFrom, size } from "./amounts.ts";
import { defaultDirectories } from "./directories.ts";

/** The settings, as they are once everything is merged and defaults are filled in. */
export interface Settings {
  /** The store's directory. */
  readonly dir: string;
  readonly compression: CodecName;
  /** The codec's own default where it is not given. */
  readonly compressionLevel?: number | undefined;
  /** How many databases are backed up at once. */
  readonly parallel: number;
  /** How many databases may stand still for a copy at once. */
  readonly frozenAtOnce: number;
  /** Milliseconds one database may take. */
  readonly timeout: number;
  /** Milliseconds for which the Docker daemon may leave a request without an answer. */
  readonly dockerTimeout: number;
  /** Bytes of memory that a throwaway server may use in a drill. */
  readonly drillMemory: number;
  /** What `prune` keeps. */
  readonly retention?: RetentionSettings | undefined;
  /** Names of databases: those first, in this order, when all are restored. */
  readonly restoreOrder: readonly string[];
  readonly retired: readonly string[];
  /** Where the journal and scratch files are. */
  readonly stateDir: string;
  /** Who did what; `audit.jsonl` in the state directory where it is not given. */
  readonly auditLog?: string | undefined;
  /** Logs of runs; `logs` in the store where it is not given. */
  readonly logDir?: string | undefined;
  /** How long logs are kept, and how many at most. */
  readonly logDays: number;
  readonly logFiles: number;
  /** How long `prune` keeps the reports of runs. */
  readonly reportDays: number;
  /** When tasks run: `hourly`, `daily`, `weekly`, a cron expression, or `off`. */
  readonly schedules: ScheduleSettings;
  /** Of the schedules. */
  readonly timeZone: string;
  /** Milliseconds up to which scheduled runs are delayed, each host by its own. */
  readonly jitter: number;
  readonly daemon: DaemonSettings;
  readonly notifications: NotificationSettings;
  /** What is expected of every database. */
  readonly budgets: BudgetSettings;
  /** Metrics for Prometheus are written to this file after every run. */
  readonly metricsFile?: string | undefined;
  readonly telemetry: TelemetrySettings;
  /** Every backup that went well is followed by a prune of what it backed up. */
  readonly pruneAfterBackup: boolean;
  /** Options by database name; discovered where none are given. */
  readonly databases?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
}

/** An option whose type is a secret may be given as text, or as a file that holds it. */
type AsConfigured<Options, Credential extends string> = Omit<Options, "name" | Credential> & {
  readonly [Name in Credential | `${Credential}File`]?: string;
};

/** What every database may be given, whatever its kind. */
export interface CommonDatabaseSettings {
  /** What drills start a server from, instead of the image that the backup was made of. */
  readonly drillImage?: string | undefined;
  /** What `prune` keeps of it: stronger than the general settings, one by one. */
  readonly retention?: RetentionSettings | undefined;
  /** What is expected of it: stronger than the general settings, one by one. */
  readonly budgets?: BudgetSettings | undefined;
}

export const commonDatabaseSchema: z.ZodType<CommonDatabaseSettings> = z.strictObject({
  drillImage: z.string().min(1).optional().describe("Image for drills, instead of the one that the backup was made of"),
  retention: retentionSettingsSchema
    .optional()
    .describe('What prune keeps of it where that differs from the general settings, as JSON: {"days": 90}'),
  budgets: budgetSettingsSchema
    .optional()
    .describe('What is expected of it where that differs from the general settings, as JSON: {"rpo": "2h"}'),
});

export type DatabaseConfig = Omit<CommonDatabaseSettings, "budgets"> & {
  readonly budgets?: BudgetConfig;
} & DatabaseOptions;

type DatabaseOptions =
  | ({ readonly kind?: "postgres" } & AsConfigured<PostgresOptions, "password">)
  | ({ readonly kind?: "redis" } & AsConfigured<RedisOptions, "password">)
  | ({ readonly kind?: "neo4j" } & AsConfigured<Neo4jOptions, "password">)
  | ({ readonly kind?: "qdrant" } & AsConfigured<QdrantOptions, "apiKey">)
  | ({ readonly kind?: "chromadb" } & AsConfigured<ChromadbOptions, "token" | "password">)
  | ({ readonly kind?: "faiss" } & Omit<FaissOptions, "name">);

/** A channel's secrets as text, or as files that hold them. */
export interface NotificationConfig {
  readonly source?: string;
  /** `1d`, or milliseconds. */
  readonly reminder?: string | number;
  readonly email?: Partial<AsConfigured<EmailOptions, "password">>;
  readonly slack?: AsConfigured<SlackOptions, "webhook">;
  readonly healthcheck?: AsConfigured<HealthcheckOptions, "check">;
  /** By a name of one's own. */
  readonly webhooks?: Readonly<Record<string, WebhookConfig>>;
}

type WebhookConfig = AsConfigured<Omit<WebhookOptions, "headers">, "url" | "credential" | "signingSecret"> & {
  readonly headers?: Readonly<Record<string, string>>;
};

type TelemetryConfig = AsConfigured<
  Omit<Partial<TelemetrySettings>, "timeout">,
  "headers" | "tracesHeaders" | "metricsHeaders"
> & { readonly timeout?: string | number };

/** What a configuration file holds. Everything may be left out. */
export interface BackupConfig {
  readonly dir?: string;
  readonly compression?: CodecName;
  readonly compressionLevel?: number;
  readonly parallel?: number;
  readonly frozenAtOnce?: number;
  /** `30m`, `2h`, or milliseconds. */
  readonly timeout?: string | number;
  readonly dockerTimeout?: string | number;
  /** `1g`, `512m`, or bytes. */
  readonly drillMemory?: string | number;
  /** `{ days: 14, keepMonthly: 12 }`. */
  readonly retention?: RetentionSettings;
  /** Names of databases: those first, in this order, when all are restored. */
  readonly restoreOrder?: readonly string[];
  /** Names of databases that were found once, and that are no more. */
  readonly retired?: readonly string[];
  readonly stateDir?: string;
  readonly auditLog?: string;
  readonly logDir?: string;
  readonly logDays?: number;
  readonly logFiles?: number;
  readonly reportDays?: number;
  /** `{ backup: "hourly", drill: "30 6 * * 0", scrub: "off" }`. */
  readonly schedules?: ScheduleSettings;
  /** Of the schedules: `Europe/Berlin`. */
  readonly timeZone?: string;
  /** `5m`, or milliseconds. */
  readonly jitter?: string | number;
  readonly daemon?: Partial<Omit<DaemonSettings, "grace">> & { readonly grace?: string | number };
  readonly notifications?: NotificationConfig;
  /** `{ rpo: "2h", rto: "30m", drill: "32d" }`. */
  readonly budgets?: BudgetConfig;
  readonly metricsFile?: string;
  /** `{ endpoint: "http://collector:4318", headersFile: "/etc/…" }`. */
  readonly telemetry?: TelemetryConfig;
  readonly pruneAfterBackup?: boolean;
  /** By name. A name that is a kind needs no `kind`. Where this is given, nothing else is discovered. */
  readonly databases?: Readonly<Record<string, DatabaseConfig>>;
}

/** Types a configuration file: `export default defineConfig({ … })`. */
export function defineConfig(config: BackupConfig): BackupConfig {
  return config;
}

const directories = defaultDirectories();

/** One description of every general setting: validation, defaults and the table of variables come from it. */
export const settingsSchema = z.strictObject({
  dir: z
    .string()
    .min(1)
    .default(directories.store)
    .describe("Directory of the backups; root: /opt/sutazaiapp/backups, others: an XDG directory"),
  compression: z.enum(codecNames).default("zstd").describe("zstd, gzip or none; zstd unless given"),
  compressionLevel: z
    .int()
    .min(1)
    .max(19)
    .optional()
    .describe("Compression level; 3 for zstd and 6 for gzip unless given"),
  parallel: z.int().min(1).max(64).default(6).describe("Databases backed up at once; 6 unless given"),
  frozenAtOnce: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe("Databases that may stand still for a copy at once; 1 unless given"),
  timeout: durationFrom(1).default(ms("4h")).describe("Time limit for one database: 30m, 2h, …; 4h unless given"),
  dockerTimeout: durationFrom(1)
    .default(ms("2m"))
    .describe("How long the Docker daemon may leave a request without an answer; 2m unless given"),
  drillMemory: size
    .default(1024 ** 3)
    .describe("Memory of a throwaway server in a drill: 512m, 1g, …; 1g unless given"),
  retention: retentionSettingsSchema
    .optional()
    .describe(
      "What prune keeps. Where no rule is given, what fits schedules.backup: more often than daily the newest 48 and the newest of each of 48 hours and 30 days, daily everything of 30 days, else everything of 90 days and the newest 12. Once a rule is given, those given hold, with days 30 unless that is one",
    ),
  restoreOrder: z
    .array(z.string().min(1))
    .default([])
    .describe("Names of databases: those first, in this order, when all are restored"),
  retired: z
    .array(z.string().min(1))
    .default([])
    .describe("Names of databases that were found once and are no more: nobody is to miss them"),
  stateDir: z
    .string()
    .min(1)
    .default(directories.state)
    .describe("Directory of the intent journal and of scratch files"),
  auditLog: z
    .string()
    .min(1)
    .optional()
    .describe("File that tells who did what; audit.jsonl in the state directory unless given"),
  logDir: z.string().min(1).optional().describe("Directory of the logs of runs; logs in the store unless given"),
  logDays: z.int().min(1).default(90).describe("Keep logs of so many days; 90 unless given"),
  logFiles: z.int().min(1).default(1000).describe("Keep so many logs at most; 1000 unless given"),
  reportDays: z
    .int()
    .min(1)
    .default(366)
    .describe("Days that prune keeps the reports of runs; 366 unless given; of each kind the newest 30 stay anyway"),
  schedules: scheduleSettingsSchema.default({}),
  timeZone: timeZoneSchema,
  jitter: durationFrom(0)
    .default(ms("5m"))
    .describe("Scheduled runs are delayed by up to so long, each host by its own: 5m unless given, 0: none"),
  daemon: daemonSettingsSchema,
  notifications: notificationSettingsSchema,
  budgets: budgetSettingsSchema.prefault({}),
  metricsFile: z
    .string()
    .min(1)
    .optional()
    .describe("Metrics for Prometheus are written to this file after every run: …/textfile/sutazai_backup.prom"),
  telemetry: telemetrySettingsSchema,
  pruneAfterBackup: z
    .boolean()
    .default(true)
    .describe("Prune what was backed up after every run of backups that went well; true unless given"),
  databases: z
    .record(z.string().min(1).max(100), z.record(z.string(), z.unknown()))
    .optional()
    .describe("The databases, by name"),
}) satisfies z.ZodType<Settings> as z.ZodType<Settings>;
