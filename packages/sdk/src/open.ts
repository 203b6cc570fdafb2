import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import { newId, type BackupEvent, type ContainerRuntime, type EventListener, type Logger } from "@sutazai/backup-core";
import { Notifier } from "@sutazai/backup-notifier";
import { auditedSettings } from "./audit/settings.ts";
import { loadConfig, type LoadedConfig, type LoadOptions } from "./config/load.ts";
import type { Settings } from "./config/settings.ts";
import { localStore } from "./local-store.ts";
import { runLogOf, type RunLog, type RunLogRequest } from "./run-log/run-log-of.ts";
import { lookAtScheduler } from "./monitor/schedule.ts";
import { createBackupSystem, type BackupSystem } from "./system.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export interface OpenOptions extends LoadOptions {
  readonly onEvent?: EventListener;
  readonly logger?: Logger;
  /** Keeps a log of what is run. */
  readonly log?: RunLogRequest | undefined;
  /** What was typed, for the audit log; never with a secret. */
  readonly command?: string | undefined;
  /** The trace of whoever called, which runs become part of (W3C, `TRACEPARENT`). */
  readonly traceparent?: string | undefined;
}

export interface OpenedBackupSystem {
  readonly system: BackupSystem;
  readonly config: LoadedConfig;
  readonly containers: ContainerRuntime;
  /** Present where one was asked for. */
  readonly log?: RunLog;
  /** Undefined where no channel is configured. */
  readonly notifier: Notifier | undefined;
  /** Undefined where no endpoint is configured. */
  readonly telemetry: Telemetry | undefined;
}

/** A system as the configuration file, the environment and Docker describe it: what the command line works with. */
export async function openBackupSystem(options: OpenOptions = {}): Promise<OpenedBackupSystem> {
  const config = await loadConfig(dockerRuntime(), options);
  const {
    dir,
    compression,
    compressionLevel,
    stateDir,
    auditLog,
    parallel,
    frozenAtOnce,
    timeout,
    dockerTimeout,
    drillMemory,
    restoreOrder,
  } = config.settings;
  const containers = dockerRuntime({ frozenAtOnce, answerLimitMs: dockerTimeout });
  const runId = newId();
  const log = options.log && runLogOf(config, runId, options.log, options.onEvent);
  const logger = log?.logger ?? options.logger;
  const onEvent = (event: BackupEvent) => {
    log?.event(event);
    options.onEvent?.(event);
  };
  const notifier = notifierOf(config, logger);
  const telemetry = config.telemetry && new Telemetry({ ...config.telemetry, traceparent: options.traceparent });
  const { budgets, metricsFile, pruneAfterBackup } = config.settings;
  const system: BackupSystem = createBackupSystem({
    databases: config.adapters,
    store: localStore({ path: dir, compression, compressionLevel }),
    containers,
    stateDirectory: stateDir,
    parallel,
    timeoutMs: timeout,
    retention: config.retention,
    reportDays: config.settings.reportDays,
    restoreOrder,
    adapterIn: config.adapterIn,
    discovery: config.discovery,
    drill: { memory: drillMemory, images: config.drillImages },
    watch: {
      notifier,
      budgets,
      budgetsOf: config.budgets,
      metricsFile,
      telemetry,
      pruneAfterBackup,
      scheduler: () => lookAtScheduler({ settings: config.settings, system }),
    },
    auditLog,
    command: options.command,
    settings: auditedSettings(config),
    runId,
    onEvent,
    ...(logger !== undefined && { logger }),
  });
  return { system, config, containers, ...(log !== undefined && { log }), notifier, telemetry };
}

type NotifyingConfig = Pick<LoadedConfig, "channels" | "secrets"> & {
  readonly settings: Pick<Settings, "stateDir"> & {
    readonly notifications: Pick<Settings["notifications"], "source" | "reminder">;
  };
};

/** What was told is remembered beside the journal: one memory for all that runs on this host. */
export function notifierOf({ channels, secrets, settings }: NotifyingConfig, logger?: Logger): Notifier | undefined {
  if (channels.length === 0) return undefined;
  const { source, reminder } = settings.notifications;
  return new Notifier({
    channels,
    stateDir: join(settings.stateDir, "notifications"),
    reminderMs: reminder,
    secrets,
    ...(source !== undefined && { source }),
    ...(logger !== undefined && { logger }),
  });
}
