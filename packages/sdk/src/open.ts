import { dockerRuntime } from "@sutazai/backup-containers";
import type { ContainerRuntime, EventListener, Logger } from "@sutazai/backup-core";
import { loadConfig, type LoadedConfig, type LoadOptions } from "./config/load.ts";
import { localStore } from "./local-store.ts";
import { createBackupSystem, type BackupSystem } from "./system.ts";

export interface OpenOptions extends LoadOptions {
  readonly onEvent?: EventListener;
  readonly logger?: Logger;
}

export interface OpenedBackupSystem {
  readonly system: BackupSystem;
  readonly config: LoadedConfig;
  readonly containers: ContainerRuntime;
}

/** A system as the configuration file, the environment and Docker describe it: what the command line works with. */
export async function openBackupSystem(options: OpenOptions = {}): Promise<OpenedBackupSystem> {
  const config = await loadConfig(dockerRuntime(), options);
  const { dir, compression, compressionLevel, stateDir, parallel, frozenAtOnce, timeout, drillMemory, restoreOrder } =
    config.settings;
  const containers = dockerRuntime({ frozenAtOnce });
  const system = createBackupSystem({
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
    ...(options.onEvent !== undefined && { onEvent: options.onEvent }),
    ...(options.logger !== undefined && { logger: options.logger }),
  });
  return { system, config, containers };
}
