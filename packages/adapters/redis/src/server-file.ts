import {
  outputOf,
  type Bytes,
  type ContainerInfo,
  type OperationContext,
  type ToolExit,
  type ToolProcess,
  BackupError,
} from "@sutazai/backup-core";
import { isOnVolume } from "./persistence.ts";

/**
 * Runs a tool that reads the server's files: in a sidecar with its volumes, read-only; in the container itself where they are
 * not on a volume, for nothing else sees them there.
 */
export function readingTool(
  context: OperationContext,
  container: ContainerInfo,
  directory: string,
  command: readonly string[],
): Promise<ToolProcess> {
  const { containers, signal } = context;
  if (!isOnVolume(container, directory)) return containers.exec(container.id, { command, user: "0:0", signal });
  return containers.sidecar({
    image: container.imageId,
    command,
    purpose: "redis-read",
    user: "0:0",
    volumesOf: container.id,
    volumesReadOnly: true,
    signal,
  });
}

/** The bytes of a file of the server. An open file stays what it was, whatever takes its name later. */
export async function* serverFile(
  context: OperationContext,
  container: ContainerInfo,
  directory: string,
  name: string,
): Bytes {
  const path = `${directory}/${name}`;
  const tool = await readingTool(context, container, directory, ["cat", path]);
  yield* outputOf(tool, { tool: "cat", operation: "redis.read", classify: (exit) => missing(exit, path) });
}

function missing({ stderr }: ToolExit, path: string): BackupError | undefined {
  if (!stderr.includes("No such file")) return undefined;
  return new BackupError("not-found", `the server says it saved to ${path}, but there is no such file`, {
    operation: "redis.read",
    hint: "check the server's `dir` and `dbfilename`, and that its data directory is mounted where it says",
  });
}
