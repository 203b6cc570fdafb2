import { localTool } from "@sutazai/backup-containers";
import { BackupError, textOf, type OperationContext } from "@sutazai/backup-core";
import type { FaissOptions } from "../options.ts";
import type { Target } from "../target.ts";

export const startAction = "start-service";

/** Keeps writers out: the container off its networks, or the service of a directory stopped by the command given for it. */
export async function fence(
  context: OperationContext,
  target: Target,
  options: FaissOptions,
  name: string,
): Promise<void> {
  const { containers, journal, signal } = context;
  if (target.container !== undefined) return containers.isolate(target.container.id, { journal });
  if (options.service === undefined) return;
  await journal.record({ part: name, action: startAction, data: {} });
  await runHook(options.service.stop, signal);
}

/** Settles the stop of a service: started again, whichever way the operation went. */
export async function startService({ service }: FaissOptions, name: string): Promise<void> {
  if (service === undefined) {
    throw new BackupError("configuration", `the service of ${name} was stopped, and nothing says how it is started`, {
      operation: "faiss.recover",
      hint: "give the setting `service` again, or start it by hand and remove the record",
    });
  }
  await runHook(service.start, new AbortController().signal);
}

async function runHook([program = "", ...rest]: readonly string[], signal: AbortSignal): Promise<void> {
  const tool = await localTool({ command: [program, ...rest], signal });
  await textOf(tool, {
    tool: program,
    operation: "faiss.service",
    hint: "run the command of the setting `service` by hand to see what is wrong",
  });
}
