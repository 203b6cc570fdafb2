import { hostname } from "node:os";
import { toBackupError } from "@sutazai/backup-core";
import type { Notifier } from "@sutazai/backup-notifier";
import type { MasterReport } from "@sutazai/backup-reporter";
import { Daemon, serveHealth, type DaemonEvent, type DaemonTask, type RunHistory } from "@sutazai/backup-scheduler";
import type { PlannedTask, TaskStanding } from "@sutazai/backup-scheduler";
import type { OpenedBackupSystem } from "../open.ts";
import { tellNotBegun } from "../notify/runs.ts";
import type { DaemonSettings, TaskName } from "./settings.ts";
import { scheduledTasks, type TaskResult } from "./tasks.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

export interface ScheduleDaemonOptions {
  readonly tasks: readonly PlannedTask[];
  readonly history: RunHistory;
  /** Opens the system anew for each run of a task, so that it works on what is configured and running then. */
  readonly open: (task: TaskName) => Promise<OpenedBackupSystem>;
  /** `grace`: milliseconds that a run under way gets to come to its end when the signal ends the daemon. */
  readonly settings: DaemonSettings;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: DaemonEvent) => void;
  readonly onResult?: (task: TaskName, result: TaskResult) => void;
  /** Called once the health endpoint answers. */
  readonly onListening?: (port: number) => void;
  /** What `/metrics` answers. */
  readonly metrics?: (standings: readonly TaskStanding[]) => string | Promise<string>;
  /** Sends metrics between runs as well. */
  readonly telemetry?: Telemetry | undefined;
  /** What they are made of. */
  readonly report: () => Promise<MasterReport>;
  /** Told of where a system cannot be opened, which has one of its own otherwise. */
  readonly notifier?: Notifier | undefined;
  /** Called with what goes wrong beside the runs. */
  readonly onWarning?: (message: string) => void;
}

/** Runs the tasks at their times until the signal ends it; one at a time. */
export async function runDaemon(options: ScheduleDaemonOptions): Promise<void> {
  const { history, settings, signal, metrics, onEvent, telemetry, report, onWarning } = options;
  const daemon = new Daemon({
    tasks: options.tasks.map((planned) => daemonTask(planned, options)),
    history,
    host: hostname(),
    ...(onEvent !== undefined && { onEvent }),
  });
  await using server = await serveHealth({
    host: settings.host,
    port: settings.port,
    standings: () => daemon.standings(),
    ...(metrics !== undefined && { metrics: () => metrics(daemon.standings()) }),
  });
  options.onListening?.(server.port);
  const ended = new AbortController();
  const sending = telemetry?.keepSendingMetrics(report, {
    signal: ended.signal,
    onProblem: (message) => onWarning?.(message),
  });
  try {
    await daemon.run({ signal, graceMs: settings.grace });
  } finally {
    ended.abort();
    await sending;
  }
}

function daemonTask(planned: PlannedTask, { open, onResult, notifier, onWarning }: ScheduleDaemonOptions): DaemonTask {
  const name = planned.name as TaskName;
  const { command, run, evidence, atOnce } = scheduledTasks[name];
  return {
    ...planned,
    atOnce: atOnce ?? false,
    ...(evidence !== undefined && { evidence: async () => evidence((await open(name)).system) }),
    run: async (options) => {
      const { system, log } = await open(name).catch(async (thrown: unknown) => {
        const problems = notifier && (await tellNotBegun(notifier, command, toBackupError(thrown)));
        for (const problem of problems ?? []) onWarning?.(problem);
        throw thrown;
      });
      try {
        const result = await run(system, options);
        onResult?.(name, result);
        await log?.close({ status: result.status });
        return result;
      } catch (error) {
        await log?.close({ error });
        throw error;
      }
    },
  };
}
