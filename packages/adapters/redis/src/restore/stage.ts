import { textOf, type ArtifactSource, type OperationContext } from "@sutazai/backup-core";
import type { FormName } from "../options.ts";
import type { Persistence } from "../persistence.ts";
import { containerOf, type Target } from "../target.ts";
import { newFiles, ownershipOf } from "./new-files.ts";
import { stagedAction, swapAsJson, type Swap } from "./swap.ts";

/** Copies the backup beside the server's files, on their volume, as files that a server starts with: in `new` of the directory aside. */
export async function stage(
  context: OperationContext,
  target: Target,
  source: ArtifactSource,
  form: FormName,
  where: Persistence,
  swap: Swap,
): Promise<void> {
  const { containers, journal, signal } = context;
  const owner = await ownershipOf(context, containerOf(target), where);
  context.progress({ step: "copying the backup beside the server's files" });
  await journal.record({ part: target.database, action: stagedAction, data: swapAsJson(swap) });
  // Not through the archive interface: while it unpacks into a container, the daemon answers nothing else about it, not even a stop.
  const tool = await containers.sidecar({
    image: containerOf(target).imageId,
    command: ["tar", "-x", "-p", "-f", "-", "-C", swap.directory],
    purpose: "redis-stage",
    user: "0:0",
    volumesOf: swap.container,
    stdin: newFiles(source, form, where, owner, `${swap.aside}/new`),
    signal,
  });
  await textOf(tool, { tool: "tar", operation: "redis.stage" });
}
