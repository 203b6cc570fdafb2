import { formatBackupReport, formatDrillReport } from "@sutazai/backup-reporter";
import type { Outcome } from "@sutazai/backup-core";
import { formatDeliveries, formatLook, lookAsJson } from "../monitor/text.ts";
import { readReports } from "../report/files.ts";
import type { TaskName } from "./settings.ts";
import type { BackupSystem } from "../system.ts";
import type { Coverage } from "../verify/share.ts";

/** What one scheduled run came to. */
export interface TaskResult {
  readonly status: Outcome;
  /** A backup was found damaged. */
  readonly isDamage: boolean;
  /** In a sentence, where it did not go well. */
  readonly problem?: string;
  /** As `--json` prints it: the type, and the rest of the object. */
  readonly type: string;
  readonly value: object;
  /** For people. */
  readonly text: string;
}

export interface TaskRunOptions {
  readonly signal: AbortSignal;
  /** How many runs of the task came to an end before. */
  readonly count: number;
}

export interface ScheduledTask {
  /** The command that its runs are runs of. */
  readonly command: string;
  readonly run: (system: BackupSystem, options: TaskRunOptions) => Promise<TaskResult>;
  /** When it last went well, as far as the run reports in the store tell. */
  readonly evidence?: (system: BackupSystem) => Promise<Date | undefined>;
  /** Where it has never gone well, it does not wait for its time. */
  readonly atOnce?: boolean;
}

/** In so many runs a scrub has read everything. */
const scrubShares = 7;

/** What each task does. All wait for locks: a run that is due is late rather than left out. */
export const scheduledTasks: Readonly<Record<TaskName, ScheduledTask>> = {
  backup: {
    command: "backup",
    atOnce: true,
    evidence: lastReport("backup"),
    run: async (system, { signal }) => {
      const report = await system.backup({ signal, wait: true });
      return {
        ...ended(report),
        isDamage: report.databases.some(({ drill }) => drill?.verdict === "damaged"),
        type: "backup-report",
        value: { report },
        text: formatBackupReport(report),
      };
    },
  },
  prune: {
    command: "prune",
    run: async (system, { signal }) => {
      const report = await system.prune({ signal, wait: true });
      const deleted = report.databases.reduce((sum, database) => sum + database.deleted.length, 0);
      const text = `prune ${report.runId}: ${report.status}, ${deleted} backups deleted`;
      return { ...ended(report), isDamage: false, type: "prune-report", value: { report }, text };
    },
  },
  scrub: {
    command: "verify",
    run: async (system, { signal, count }) => {
      const share = { number: (count % scrubShares) + 1, of: scrubShares };
      let coverage: Coverage | undefined;
      const results = await system.verify({ signal, wait: true, share, onCoverage: (found) => (coverage = found) });
      const damaged = results.filter(({ ok }) => !ok);
      const problem = damaged.flatMap(({ id, database, problems }) => [`${database} ${id}: ${problems.join("; ")}`]);
      return {
        status: damaged.length === 0 ? "ok" : damaged.length === results.length ? "failed" : "partial",
        isDamage: damaged.length > 0,
        ...(damaged.length > 0 && { problem: problem.join("\n") }),
        type: "verify-report",
        value: { backups: results.length, damaged: damaged.length, coverage },
        text: [
          `scrub ${share.number}/${share.of}: ${results.length} backups read, ${damaged.length} damaged`,
          ...problem,
        ].join("\n"),
      };
    },
  },
  drill: {
    command: "drill",
    evidence: lastReport("drill"),
    run: async (system, { signal }) => {
      const report = await system.drill({ signal, wait: true });
      return {
        ...ended(report),
        isDamage: report.databases.some(({ verdict }) => verdict === "damaged"),
        type: "drill-report",
        value: { report },
        text: formatDrillReport(report),
      };
    },
  },
  monitor: {
    command: "monitor",
    // What it finds is told; it went well where it could look, and tell.
    run: async (system, { signal }) => {
      const report = await system.monitor({ signal });
      const { warnings, deliveries } = report;
      return {
        status: warnings.length === 0 ? "ok" : "partial",
        isDamage: false,
        ...(warnings.length > 0 && { problem: warnings.join("\n") }),
        type: "monitor",
        value: { ...lookAsJson(report), deliveries },
        text: [formatLook(report), ...formatDeliveries(deliveries), ...warnings].join("\n"),
      };
    },
  },
};

interface Report {
  readonly status: Outcome;
  readonly databases: readonly {
    readonly database: string;
    readonly status: Outcome;
    readonly error?: { readonly message: string };
  }[];
}

function ended({ status, databases }: Report): Pick<TaskResult, "status" | "problem"> {
  const failed = databases.filter((each) => each.status !== "ok");
  const problem = failed.map(({ database, status: ending, error }) => `${database}: ${error?.message ?? ending}`);
  return { status, ...(status !== "ok" && { problem: problem.join("\n") }) };
}

/** When the last run began that went well for all databases, as far as the run reports in the store tell. */
function lastReport(kind: "backup" | "drill"): (system: BackupSystem) => Promise<Date | undefined> {
  return async ({ store, databases }) => {
    const { reports } = await readReports(store.location, new Date());
    const names = databases.map(({ name }) => name);
    const good = reports
      .filter(({ report, status }) => report === kind && status === "ok")
      .filter((report) => names.every((name) => report.databases.some(({ database }) => database === name)))
      .map(({ startedAt }) => Date.parse(startedAt));
    return good.length === 0 ? undefined : new Date(Math.max(...good));
  };
}
