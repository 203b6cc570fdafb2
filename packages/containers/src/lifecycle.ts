import { BackupError, isStopped, type RecoveryContext, type StopOptions } from "@sutazai/backup-core";
import { z } from "zod";
import { tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { inspectContainer, inspectRunning } from "./finding.ts";

/** What the journal keeps of a stopped container. */
interface StoppedContainer {
  readonly container: string;
  readonly name: string;
}

const stoppedSchema: z.ZodType<StoppedContainer> = z.strictObject({ container: z.string(), name: z.string() });

export const startAction = "start";

/**
 * Stops a running container; one that is stopped already stays as it is, and is not started at the end either. Throws `timeout` where the daemon had to kill it:
 * its files are then what a crash leaves.
 */
export async function stopContainer(engine: Engine, containerId: string, options: StopOptions): Promise<void> {
  const before = await inspectContainer(engine, containerId);
  if (isStopped(before)) return;
  const { id, name, autoRemove, orchestrator } = await inspectRunning(engine, containerId);
  if (autoRemove || orchestrator !== undefined) {
    throw new BackupError(
      "unsupported",
      autoRemove
        ? `container ${name} was started with --rm: stopping it would remove it and its anonymous volumes`
        : `container ${name} belongs to ${orchestrator}, which would start another in its place`,
      {
        operation: "containers.stop",
        hint: autoRemove
          ? "use a method that needs no stop, or make the container again without --rm"
          : `use a method that needs no stop, or let ${orchestrator} scale it down first`,
      },
    );
  }
  await options.journal.record({ part: "containers", action: startAction, data: { container: id, name } });
  const container = engine.docker.getContainer(id);
  await tolerating([304], container.stop({ t: options.graceSeconds }));
  const { State: state } = await container.inspect();
  if (state.ExitCode === 137) {
    throw new BackupError("timeout", `container ${name} did not end within ${options.graceSeconds} s and was killed`, {
      operation: "containers.stop",
      hint: "give it a longer time to stop; what it had not yet written is lost, as after a crash",
      details: { container: name, exitCode: state.ExitCode, outOfMemory: state.OOMKilled },
    });
  }
}

export async function startContainer({ docker }: Engine, containerId: string): Promise<void> {
  await tolerating([304], docker.getContainer(containerId).start());
}

/** Settles a stop: started again, whichever way the operation went. */
export async function recoverStopped(engine: Engine, data: unknown, context: RecoveryContext): Promise<void> {
  const { container, name } = stoppedSchema.parse(data);
  if ((await tolerating([404], engine.docker.getContainer(container).inspect())) === undefined) {
    context.logger.warn(
      { container, name },
      "a container that was stopped has been removed since and cannot be started again",
    );
    return;
  }
  await startContainer(engine, container);
}
