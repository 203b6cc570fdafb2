import { newId, toBackupError, type BackupError, type BackupReport, type Outcome } from "@sutazai/backup-core";
import { formatBackupReport, formatDrillReport, formatRestoreReport } from "@sutazai/backup-reporter";
import type { Notice, Notifier, Ping } from "@sutazai/backup-notifier";
import type { SystemParts } from "../context.ts";
import { lookAndTell, type WatchOptions } from "../monitor/monitor.ts";
import { deliveryWarnings } from "./notify.ts";
import { pruneAfterBackup } from "../prune/after-backup.ts";
import type { PruneReport } from "../prune/prune.ts";
import type { BackupSystem } from "../system.ts";
import type { RecordedTrace } from "../telemetry/telemetry.ts";
import type { VerifiedBackup, VerifyOptions } from "../verify/verify.ts";
import { warn } from "../warn.ts";

/** How a run ended, for who is told of it. */
interface Ended {
  readonly status: Outcome;
  /** The end of its log. */
  readonly log: string;
}

interface Watched<Result> {
  readonly command: string;
  readonly work: (trace?: RecordedTrace) => Promise<Result>;
  readonly ended: (result: Result) => Ended;
  /** A backup of everything: only that tells the dead man's switch that all is well. */
  readonly isWhole?: boolean;
  readonly afterwards?: (result: Result) => Promise<void>;
}

type Runs = Pick<BackupSystem, "backup" | "restore" | "drill" | "prune" | "verify">;

/**
 * The same runs, of which people are told: what is wrong afterwards and what is over, by the dead man's switch as soon as a backup begins and ends, and
 * by metrics and traces. Nothing of that changes how a run ends; what goes wrong with it is a warning.
 */
export function watchedRuns(runs: Runs, parts: SystemParts, watch: WatchOptions): Runs {
  const { notifier, metricsFile, telemetry } = watch;
  const isSilent = notifier === undefined && metricsFile === undefined && telemetry === undefined;
  const run = <Result>(watched: Watched<Result>): Promise<Result> =>
    isSilent ? unwatched(watched) : watchRun(parts, watch, watched);
  return {
    backup: (options = {}) =>
      run<BackupReport>({
        command: "backup",
        isWhole: (options.databases ?? []).length === 0,
        work: () => runs.backup(options),
        ended: (report) => ({ status: report.status, log: formatBackupReport(report) }),
        ...(watch.pruneAfterBackup === true && {
          afterwards: (report) => pruneAfterBackup(parts, runs.prune, report, options.signal),
        }),
      }),
    restore: (options) =>
      run({
        command: "restore",
        work: () => runs.restore(options),
        ended: (report) => ({ status: report.status, log: formatRestoreReport(report) }),
      }),
    drill: (options) =>
      run({
        command: "drill",
        work: () => runs.drill(options),
        ended: (report) => ({ status: report.status, log: formatDrillReport(report) }),
      }),
    prune: (options) =>
      options?.dryRun === true
        ? runs.prune(options)
        : run({ command: "prune", work: () => runs.prune(options), ended: endedPrune }),
    verify: (options) =>
      run({
        command: "verify",
        work: (trace) => runs.verify(trace === undefined ? options : tracedVerify(parts, trace, options)),
        ended: endedVerify,
      }),
  };
}

async function unwatched<Result>({ work, afterwards }: Watched<Result>): Promise<Result> {
  const result = await work();
  await afterwards?.(result);
  return result;
}

function endedPrune({ runId, status, databases }: PruneReport): Ended {
  const lines = databases.map(
    ({ database, deleted, error }) =>
      `${database}: ${deleted.length} deleted${error === undefined ? "" : `; ${error.message}`}`,
  );
  return { status, log: [`prune ${runId}: ${status}`, ...lines].join("\n") };
}

function endedVerify(results: readonly VerifiedBackup[]): Ended {
  const damaged = results.filter(({ ok }) => !ok);
  const lines = damaged.map(({ id, database, problems }) => `${database} ${id}: ${problems.join("; ")}`);
  return {
    status: damaged.length === 0 ? "ok" : "failed",
    log: [`verify: ${results.length} backups read, ${damaged.length} damaged`, ...lines].join("\n"),
  };
}

/** A verification tells of each backup in its own way. They are read one after the other. */
function tracedVerify({ databases }: SystemParts, trace: RecordedTrace, options: VerifyOptions = {}): VerifyOptions {
  let startedAt = new Date();
  return {
    ...options,
    onResult: (result) => {
      const { id: backup, database, ok, problems } = result;
      const kind = databases.get(database)?.kind;
      if (kind !== undefined) trace.event({ type: "database-start", at: startedAt.toISOString(), database, kind });
      const now = new Date();
      trace.event({
        type: "database-end",
        at: now.toISOString(),
        database,
        backup,
        status: ok ? "ok" : "failed",
        durationMs: now.getTime() - startedAt.getTime(),
        ...(!ok && { error: { reason: "corrupt", message: problems.join("; ") } }),
      });
      startedAt = now;
      options.onResult?.(result);
    },
  };
}

/** Somebody waits at the terminal once a run was cancelled. */
const patienceWhenCancelled = 5000;

async function watchRun<Result>(parts: SystemParts, watch: WatchOptions, watched: Watched<Result>): Promise<Result> {
  const { command, isWhole = false, work, ended, afterwards } = watched;
  const id = newId();
  const ping = async (event: Ping["event"], log?: string, signal?: AbortSignal): Promise<void> => {
    const said = await watch.notifier?.ping({ event, runId: id, ...(log !== undefined && { log }) }, { signal });
    for (const warning of deliveryWarnings(said ?? [])) warn(parts, warning);
  };
  const started = isWhole ? ping("start") : undefined;
  const trace = watch.telemetry?.record(command);
  const finish = async ({ status, log }: Ended, error?: BackupError): Promise<void> => {
    const limit = status === "cancelled" ? AbortSignal.timeout(patienceWhenCancelled) : undefined;
    await started;
    // Without asking the databases: that is the monitor's.
    const looking = lookAndTell(parts, watch, {
      probes: false,
      signal: new AbortController().signal,
      tellSignal: limit,
      ...(error === undefined ? { ran: command } : { also: notBegun(command, error) }),
    });
    const [{ warnings }, unsent = []] = await Promise.all([
      looking,
      trace?.end(status, error?.toJSON(), limit),
      ping(eventOf(status, isWhole), log, limit),
    ]);
    for (const warning of [...warnings, ...unsent]) warn(parts, warning);
  };
  let result: Result;
  try {
    result = await work(trace);
  } catch (thrown) {
    const error = toBackupError(thrown);
    const status = error.reason === "cancelled" ? "cancelled" : "failed";
    await finish({ status, log: logOf(command, error) }, error);
    throw thrown;
  }
  await afterwards?.(result);
  await finish(ended(result));
  return result;
}

/** What went well besides a whole backup tells a dead man's switch nothing: it waits for backups. What did not go well it is told in any case. */
function eventOf(status: Outcome, isWhole: boolean): Ping["event"] {
  if (status === "ok") return isWhole ? "success" : "log";
  return status === "cancelled" && !isWhole ? "log" : "fail";
}

/** What whoever called did wrong, or knows, is for him alone. */
const ownBusiness: ReadonlySet<string> = new Set(["cancelled", "configuration", "locked", "refused", "not-found"]);

function logOf(command: string, { reason, message }: BackupError): string {
  return `${command}: ${reason}: ${message}`;
}

/** A run that could not be begun is in no report. A backup is tried again by its schedule, which is how its end is found; others may never be. */
function notBegun(command: string, error: BackupError): Notice[] {
  if (ownBusiness.has(error.reason)) return [];
  return [noticeOf(command, error, command === "backup" ? "firing" : "event")];
}

function noticeOf(command: string, { reason, message, hint }: BackupError, state: Notice["state"]): Notice {
  const at = new Date().toISOString();
  return {
    cause: `run-failed:${command}`,
    severity: command === "backup" || command === "monitor" ? "critical" : "warning",
    state,
    title: `A ${command} could not be begun`,
    databases: [],
    what: `${reason}: ${message}`,
    since: at,
    at,
    safe: [],
    action: hint ?? `Mend what the message names, and run \`sutazai-backup ${command}\`.`,
  };
}

/** Tells that a scheduled run could not be begun, whatever the reason: nobody sits before it. Its schedule tries it again. Returns what went wrong with that. */
export async function tellNotBegun(notifier: Notifier, command: string, error: BackupError): Promise<string[]> {
  const [report, pings] = await Promise.all([
    notifier.notify([noticeOf(command, error, "firing")]),
    notifier.ping({ event: "fail", runId: newId(), log: logOf(command, error) }),
  ]);
  return [...report.warnings, ...deliveryWarnings([...report.deliveries, ...pings])];
}
