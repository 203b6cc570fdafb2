import { toBackupError } from "@sutazai/backup-core";
import type { Delivery, Notice, Notifier, Standing } from "@sutazai/backup-notifier";
import type { MasterReport } from "@sutazai/backup-reporter";
import type { BudgetSettings } from "./budget-settings.ts";
import type { SystemParts } from "../context.ts";
import { knownDatabases } from "../backup/expected.ts";
import { lookAt, expectations, type Look } from "./look.ts";
import type { SchedulerStanding } from "./schedule.ts";
import { deliveryWarnings, noticesOf } from "../notify/notify.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { gatherReport, metricsText, writeReportFile, type ReportOptions } from "../report/report.ts";

/** Who watches a system, and for what. */
export interface WatchOptions {
  /** Nobody is told unless given. */
  readonly notifier?: Notifier | undefined;
  readonly budgets?: BudgetSettings | undefined;
  /** By database. */
  readonly budgetsOf?: Readonly<Record<string, BudgetSettings>> | undefined;
  /** Where metrics for Prometheus are written after every run. */
  readonly metricsFile?: string | undefined;
  /** Where traces of runs are sent, and metrics after every run. */
  readonly telemetry?: Telemetry | undefined;
  /** Prune what was backed up after every backup that went well. */
  readonly pruneAfterBackup?: boolean | undefined;
  /** How runs are scheduled; not looked at unless given. */
  readonly scheduler?: (() => Promise<SchedulerStanding>) | undefined;
}

/** What one look came to, and who was told. */
export interface MonitorReport extends Look {
  /** For each notice and channel, and for what was still owed from earlier. */
  readonly deliveries: readonly Delivery[];
  /** What went wrong with telling, or with writing or sending metrics. */
  readonly warnings: readonly string[];
}

/** What is open or owed on the channels. */
export type NotificationStanding = Standing;

export interface TellOptions {
  readonly probes: boolean;
  readonly signal: AbortSignal;
  readonly now?: Date;
  /** What the look cannot see: a run that could not be begun. */
  readonly also?: readonly Notice[];
  /** The command that looks, where it has run. */
  readonly ran?: string | undefined;
  /** Limits the telling, not the look. */
  readonly tellSignal?: AbortSignal | undefined;
}

/** Looks, tells what is wrong and what is over, and writes and sends the metrics. Throws only where the signal ends the look. */
export async function lookAndTell(
  parts: SystemParts,
  watch: WatchOptions,
  { also = [], ran, tellSignal, ...how }: TellOptions,
): Promise<MonitorReport> {
  const { notifier, metricsFile, telemetry } = watch;
  const look = await lookAt(parts, { ...watch, ...how });
  const warnings: string[] = [];
  if (metricsFile !== undefined && look.report !== null) {
    await metricsText(look.report)
      .then((text) => writeReportFile(metricsFile, text))
      .catch((error: unknown) => warnings.push(`the metrics: ${toBackupError(error).message}`));
  }
  const sending = look.report === null ? [] : telemetry?.sendMetrics(look.report, tellSignal);
  if (notifier === undefined) return { ...look, deliveries: [], warnings: [...warnings, ...((await sending) ?? [])] };
  const told = new Set(also.map(({ cause }) => cause));
  const standing = (await notifier.standing()).filter(({ cause }) => !told.has(cause));
  const report = await notifier.notify([...noticesOf({ ...look, ran }, standing), ...also], { signal: tellSignal });
  return {
    ...look,
    deliveries: report.deliveries,
    warnings: [...warnings, ...((await sending) ?? []), ...report.warnings, ...deliveryWarnings(report.deliveries)],
  };
}

/** A report that goes by what is expected of the databases, and by what is asked for over that. */
export async function expectedReport(
  parts: Pick<SystemParts, "store" | "databases" | "discovery" | "stateDirectory">,
  watch: WatchOptions,
  options: ReportOptions = {},
): Promise<MasterReport> {
  const scheduler = await watch.scheduler?.().catch(() => null);
  const expected = expectations(watch, scheduler ?? null, options.now ?? new Date());
  const budgets = { ...expected.budgets, ...options.budgets };
  const known = await knownDatabases(parts);
  const system = { store: parts.store, databases: [...parts.databases.values()] };
  return gatherReport(system, { ...expected, ...known, ...options, budgets });
}
