import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import type { ContainerRuntime, EventListener, Logger } from "@sutazai/backup-core";
import { Notifier } from "@sutazai/backup-notifier";
import { loadConfig, type LoadedConfig, type LoadOptions } from "./config/load.ts";
import { localStore } from "./local-store.ts";
import { lookAtScheduler } from "./monitor-schedule.ts";
import { createBackupSystem, type BackupSystem } from "./system.ts";

export interface OpenOptions extends LoadOptions {
  readonly onEvent?: EventListener;
  readonly logger?: Logger;
}

export interface OpenedBackupSystem {
  readonly system: BackupSystem;
  readonly config: LoadedConfig;
  readonly containers: ContainerRuntime;
  /** Undefined where no channel is configured. */
  readonly notifier: Notifier | undefined;
}

/** A system as the configuration file, the environment and Docker describe it: what the command line works with. */
export async function openBackupSystem(options: OpenOptions = {}): Promise<OpenedBackupSystem> {
  const config = await loadConfig(dockerRuntime(), options);
  const { dir, compression, compressionLevel, stateDir, parallel, frozenAtOnce, timeout, drillMemory, restoreOrder } =
    config.settings;
  const containers = dockerRuntime({ frozenAtOnce });
  const notifier = notifierOf(config, options.logger);
  const { budgets, metricsFile, pruneAfterBackup } = config.settings;
  const system: BackupSystem = createBackupSystem({
    databases: config.adapters,
    store: localStore({ path: dir, compression, compressionLevel }),
    containers,
    stateDirectory: stateDir,
    parallel,
    timeoutMs: timeout,
    retention: config.retention,
    restoreOrder,
    adapterIn: config.adapterIn,
    drill: { memory: drillMemory, images: config.drillImages },
    watch: {
      notifier,
      budgets,
      budgetsOf: config.budgets,
      metricsFile,
      pruneAfterBackup,
      scheduler: () => lookAtScheduler({ settings: config.settings, system }),
    },
    ...(options.onEvent !== undefined && { onEvent: options.onEvent }),
    ...(options.logger !== undefined && { logger: options.logger }),
  });
  return { system, config, containers, notifier };
}

/** What was told is remembered beside the journal: one memory for all that runs on this host. */
function notifierOf({ channels, secrets, settings }: LoadedConfig, logger: Logger | undefined): Notifier | undefined {
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
