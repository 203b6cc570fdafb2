import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BackupError, newId } from "@sutazai/backup-core";
import {
  defaultBudgets,
  formatMasterCsv,
  formatMasterReport,
  masterReport,
  type Budgets,
  type MasterReport,
  type ReportFacts,
  type Thresholds,
} from "@sutazai/backup-reporter";
import { backupFacts, storeChanges } from "./facts.ts";
import { readReports } from "./files.ts";
import type { BackupSystem } from "../system.ts";

export interface ReportOptions {
  /** Runs and trends from here on; 30 days back unless given. */
  readonly since?: Date;
  /** What is expected; a backup in 25 hours, a restore in half an hour and a drill in 32 days unless given. Milliseconds. */
  readonly budgets?: Partial<Budgets>;
  /** Of single databases. */
  readonly budgetsOf?: Readonly<Record<string, Partial<Budgets>>>;
  /** From what on a backup is suspicious; 0.4 and 3 times what is usual unless given. */
  readonly thresholds?: Partial<Thresholds>;
  readonly thresholdsOf?: Readonly<Record<string, Partial<Thresholds>>>;
  /** Whether the databases of the system are all that there are; unless they were to be found and Docker could not be asked. */
  readonly isWhole?: boolean;
  /** Those that were found before and are not found now, each with what to do. */
  readonly missing?: NonNullable<ReportFacts["missing"]>;
  /** Names of those that are no more on purpose. */
  readonly retired?: readonly string[];
  /** The moment that the report is of. */
  readonly now?: Date;
}

const thirtyDays = 30 * 86_400_000;

/**
 * How things stand and where they are heading, from what the store holds: manifests, what is noted beside them, and reports of runs. Changes
 * nothing and takes no lock; databases and Docker are not asked.
 */
export async function gatherReport(
  { store, databases }: Pick<BackupSystem, "store" | "databases">,
  {
    now = new Date(),
    since = new Date(now.getTime() - thirtyDays),
    budgets,
    budgetsOf = {},
    ...rest
  }: ReportOptions = {},
): Promise<MasterReport> {
  const backups = await backupFacts(store);
  const { reports, prunedBytes, notes } = await readReports(store.location, since);
  const sizes = new Map(prunedBytes);
  for (const report of reports) {
    if (report.report !== "backup") continue;
    for (const { backup } of report.databases) if (backup !== undefined) sizes.set(backup.id, backup.storedBytes);
  }
  for (const { id, storedBytes } of backups) sizes.set(id, storedBytes);
  return masterReport({
    at: now.toISOString(),
    since: since.toISOString(),
    store: store.location,
    freeBytes: (await store.freeSpace()) ?? null,
    databases: databases.map(({ name, kind }) => ({ database: name, kind })),
    budgets: { ...defaultBudgets, ...budgets },
    budgetsOf,
    ...rest,
    backups,
    reports,
    ...(await storeChanges(store, sizes)),
    notes,
  });
}

export const reportFormats = ["text", "json", "html", "csv", "prometheus"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A report in one of its formats. Charts and metrics are loaded when they are asked for. */
export async function renderReport(report: MasterReport, format: ReportFormat): Promise<string> {
  switch (format) {
    case "text":
      return `${formatMasterReport(report)}\n`;
    case "json":
      return `${JSON.stringify(report, undefined, 1)}\n`;
    case "csv":
      return formatMasterCsv(report);
    case "html":
      return (await import("@sutazai/backup-reporter/html")).formatMasterHtml(report);
    case "prometheus":
      return metricsText(report);
  }
}

/** The report as Prometheus reads it; for an endpoint `/metrics` as well. */
export async function metricsText(report: MasterReport): Promise<string> {
  return (await import("@sutazai/backup-reporter/metrics")).metricsText(report);
}

/**
 * Writes a rendered report, whole or not at all: who reads the file meanwhile (a collector of metrics, a web server) finds the old one or the new.
 * It may be read by all, as those must: it holds no secrets, but names and sizes.
 */
export async function writeReportFile(path: string, content: string): Promise<void> {
  const staged = join(dirname(path), `.${basename(path)}.${newId()}`);
  try {
    await writeFile(staged, content, { mode: 0o644, flag: "wx" });
    await rename(staged, path);
  } catch (cause) {
    await rm(staged, { force: true });
    throw new BackupError("permission", `the report could not be written to ${path}: ${(cause as Error).message}`, {
      operation: "report",
      hint: "name a file in a directory that exists and that you may write to",
      cause,
    });
  }
}
