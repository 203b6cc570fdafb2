import {
  isBackupError,
  textOf,
  type ContainerInfo,
  type ContainerRuntime,
  type ToolProcess,
} from "@sutazai/backup-core";

const command = ["chroma", "--version"];
/** By image, which never changes: it is asked once. */
const known = new Map<string, string | undefined>();

/** What the command in a running container says; undefined where it has none. */
export function commandVersion(
  container: ContainerInfo,
  containers: ContainerRuntime,
  signal: AbortSignal = new AbortController().signal,
): Promise<string | undefined> {
  return versionOf(container, () => containers.exec(container.id, { command, signal }));
}

/** The same where the container does not run: asked in another one of its image. */
export function imageVersion(
  container: ContainerInfo,
  containers: ContainerRuntime,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { imageId: image } = container;
  return versionOf(container, () => containers.sidecar({ image, command, purpose: "chromadb-version", signal }));
}

async function versionOf({ imageId }: ContainerInfo, ask: () => Promise<ToolProcess>): Promise<string | undefined> {
  if (known.has(imageId)) return known.get(imageId);
  const text = await textOf(await ask(), { tool: command.join(" ") }).catch((error: unknown) => {
    if (isBackupError(error) && error.reason === "tool-failed") return "";
    throw error;
  });
  const version = /\d+\.\d+\.\d+/.exec(text)?.[0];
  known.set(imageId, version);
  return version;
}
