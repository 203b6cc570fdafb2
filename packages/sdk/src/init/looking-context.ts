import { tmpdir } from "node:os";
import { silentLogger, type ContainerRuntime, type OperationContext } from "@sutazai/backup-core";

/** For looking alone: what would have to be undone cannot be begun, and nothing is written anywhere. */
export function lookingContext(containers: ContainerRuntime, signal: AbortSignal): OperationContext {
  return {
    containers,
    signal,
    logger: silentLogger,
    scratch: tmpdir(),
    progress: () => undefined,
    journal: {
      id: "looking",
      record: ({ part, action }) => Promise.reject(new Error(`${part} tried to ${action}, but was only to look`)),
    },
  };
}
