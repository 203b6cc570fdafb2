import {
  BackupError,
  type Address,
  type Bytes,
  type ContainerDefinition,
  type ContainerInfo,
  type ContainerRuntime,
  type ExecSpec,
  type FrozenCopy,
  type FrozenCopySpec,
  type JournalOperation,
  type JournalRecord,
  type RecoveryContext,
  type RuntimeCapabilities,
  type Settlement,
  type SidecarSpec,
  type StopOptions,
  type ThrowawayContainer,
  type ThrowawaySpec,
  type ToolProcess,
} from "@sutazai/backup-core";
import { resolveAddress } from "./address.ts";
import { readArchive, writeArchive } from "./archive.ts";
import { classifyError } from "./classify-error.ts";
import { defineContainer } from "./definition/definition.ts";
import { daemonTime } from "./daemon-clock.ts";
import { engine, type DockerRuntimeOptions, type Engine } from "./engine.ts";
import { startExec } from "./exec.ts";
import { inspectContainer, inspectRunning, listContainers } from "./finding.ts";
import { letGoAction, recoverFrozen, recoverPaused, unpauseAction } from "./freezing.ts";
import { takeFrozenCopy } from "./frozen-copy.ts";
import { isolateAction, isolateContainer, recoverIsolated } from "./isolation.ts";
import { recoverStopped, startAction, startContainer, stopContainer } from "./lifecycle.ts";
import { lockContainer, unlockContainer } from "./lock.ts";
import { removeOrphans } from "./orphans.ts";
import { startSidecar } from "./sidecar.ts";
import { startThrowaway } from "./throwaway.ts";

/**
 * A container runtime on a Docker daemon of version 20.10 or later: the one that `options` name, else `DOCKER_HOST`, else this host's.
 * Does no I/O before its first use.
 */
export function dockerRuntime(options: DockerRuntimeOptions = {}): ContainerRuntime {
  return new DockerRuntime(options);
}

class DockerRuntime implements ContainerRuntime {
  readonly capabilities: RuntimeCapabilities = { pause: true, stop: true, archive: true, sidecar: true, volumes: true };
  readonly #engine: Engine;

  constructor(options: DockerRuntimeOptions) {
    this.#engine = engine(options);
  }

  now(): Promise<number> {
    return classified("now", daemonTime(this.#engine.docker));
  }

  list(): Promise<ContainerInfo[]> {
    return classified("list", listContainers(this.#engine));
  }

  inspect(reference: string): Promise<ContainerInfo> {
    return classified("inspect", inspectContainer(this.#engine, reference));
  }

  inspectRunning(reference: string): Promise<ContainerInfo> {
    return classified("inspect", inspectRunning(this.#engine, reference));
  }

  definition(reference: string): Promise<ContainerDefinition> {
    return classified("definition", defineContainer(this.#engine, reference));
  }

  sidecar(spec: SidecarSpec): Promise<ToolProcess> {
    return classified("sidecar", startSidecar(this.#engine, spec));
  }

  throwaway(spec: ThrowawaySpec): Promise<ThrowawayContainer> {
    return classified("throwaway", startThrowaway(this.#engine, spec));
  }

  exec(containerId: string, spec: ExecSpec): Promise<ToolProcess> {
    return classified("exec", startExec(this.#engine, containerId, spec));
  }

  resolveAddress(container: ContainerInfo, port: number): Promise<Address> {
    return classified("resolveAddress", resolveAddress(this.#engine, container, port));
  }

  readArchive(containerId: string, path: string, signal: AbortSignal): Bytes {
    return readArchive(this.#engine, containerId, path, signal);
  }

  writeArchive(containerId: string, directory: string, tar: Bytes, signal: AbortSignal): Promise<void> {
    return classified("writeArchive", writeArchive(this.#engine, containerId, directory, tar, signal));
  }

  stop(containerId: string, options: StopOptions): Promise<void> {
    return classified("stop", stopContainer(this.#engine, containerId, options));
  }

  start(containerId: string): Promise<void> {
    return classified("start", startContainer(this.#engine, containerId));
  }

  isolate(containerId: string, options: { readonly journal: JournalOperation }): Promise<void> {
    return classified("isolate", isolateContainer(this.#engine, containerId, options.journal));
  }

  frozenCopy(spec: FrozenCopySpec): Promise<FrozenCopy> {
    return classified("frozenCopy", takeFrozenCopy(this.#engine, spec));
  }

  lock(containerId: string, image: string): Promise<AsyncDisposable> {
    return classified("lock", lockContainer(this.#engine, containerId, image));
  }

  unlock(containerId: string): Promise<boolean> {
    return classified("unlock", unlockContainer(this.#engine, containerId));
  }

  removeOrphans(): Promise<string[]> {
    return classified("removeOrphans", removeOrphans(this.#engine));
  }

  async recover(record: JournalRecord, _settlement: Settlement, context: RecoveryContext): Promise<void> {
    const recover = recoveries[record.action];
    if (recover === undefined) {
      throw new BackupError(
        "unsupported",
        `the journal asks to undo "${record.action}", which this version does not know`,
        {
          operation: "containers.recover",
          hint: "use the version of this software that wrote the journal, or a later one",
        },
      );
    }
    await classified("recover", recover(this.#engine, record.data, context));
  }
}

/** What stopped is started, what was isolated is put back, what stands still goes on, whether its operation is undone or finished. */
const recoveries: Readonly<Record<string, typeof recoverStopped>> = {
  [startAction]: recoverStopped,
  [isolateAction]: recoverIsolated,
  [letGoAction]: recoverFrozen,
  [unpauseAction]: recoverPaused,
};

function classified<T>(name: string, result: Promise<T>): Promise<T> {
  return result.catch((error: unknown) => {
    throw classifyError(error, { operation: `containers.${name}` });
  });
}
