import { isStopped, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { imageVersion } from "./command-version.ts";
import type { ChromadbOptions } from "./options.ts";
import { containerName } from "./target.ts";

/** Where a restore happens: a server that answers, or one that does not run, of which only the files are wanted. */
export interface Site {
  /** The configured name, for errors. */
  readonly database: string;
  readonly options: ChromadbOptions;
  readonly container: ContainerInfo | undefined;
  /** As far as anybody can tell. */
  readonly version: string;
}

/** The server's container where it does not run; undefined otherwise. */
export async function stoppedSite(
  options: ChromadbOptions,
  database: string,
  containers: ContainerRuntime,
  signal: AbortSignal,
): Promise<Site | undefined> {
  const reference = containerName(options);
  if (reference === undefined) return undefined;
  const container = await containers.inspect(reference);
  if (!isStopped(container)) return undefined;
  const build = await imageVersion(container, containers, signal);
  return { database, options, container, version: `not running${build === undefined ? "" : ` (chroma ${build})`}` };
}
