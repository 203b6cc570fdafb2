import { stat } from "node:fs/promises";
import { isAbsolute, posix } from "node:path";
import { volumeRoot, type Place } from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  toBackupError,
  type ContainerInfo,
  type ContainerMount,
  type ContainerRuntime,
} from "@sutazai/backup-core";
import type { FaissOptions } from "./options.ts";

export interface Target {
  readonly place: Place;
  /** Whose service owns the files; it runs. */
  readonly container: ContainerInfo | undefined;
  /** Milliseconds that its service may stand still for a copy; the runtime's default unless given. */
  readonly maxPauseMs?: number;
  /** For people. */
  readonly description: string;
}

const operation = "faiss.locate";

/** Finds the files. A container that is named must have them on a volume, and run, unless it may be stopped. */
export async function locate(
  options: FaissOptions,
  containers: ContainerRuntime,
  { mayBeStopped = false }: { readonly mayBeStopped?: boolean } = {},
): Promise<Target> {
  if (options.container !== undefined) {
    const found = await containers.inspect(options.container);
    const container = mayBeStopped && isStopped(found) ? found : await containers.inspectRunning(options.container);
    return inContainer(container, directoryIn(container, options.directory), options);
  }
  if (options.volume !== undefined) return inVolume(options, options.volume, containers);
  return onHost(options.directory ?? "");
}

function inContainer(container: ContainerInfo, directory: string, { maxPauseSeconds }: FaissOptions): Target {
  return {
    place: { kind: "container", container: container.id, image: container.imageId, directory },
    container,
    ...(maxPauseSeconds !== undefined && { maxPauseMs: maxPauseSeconds * 1_000 }),
    description: `${directory} of container ${container.name}`,
  };
}

async function inVolume(options: FaissOptions, volume: string, containers: ContainerRuntime): Promise<Target> {
  const within = posix.normalize(`/${options.directory ?? ""}`).replace(/\/$/, "");
  const users = (await containers.list()).filter(({ mounts }) => mounts.some((mount) => isVolume(mount, volume)));
  const running = users.filter(({ state }) => state === "running");
  if (running.length > 1) {
    throw new BackupError("configuration", `${running.length} containers use the volume ${volume}`, {
      operation,
      hint: `name the one that writes to it: ${running.map(({ name }) => name).join(", ")}`,
    });
  }
  const [user] = running;
  const mount = user?.mounts.find((each) => isVolume(each, volume));
  if (user !== undefined && mount !== undefined) return inContainer(user, `${mount.destination}${within}`, options);
  const image = options.image ?? users[0]?.imageId;
  if (image === undefined) {
    throw new BackupError(
      "configuration",
      `no container mounts the volume ${volume}, so that there is no image to read it with`,
      {
        operation,
        hint: "give the setting `image`: any image of this machine with a shell, find and tar",
      },
    );
  }
  return {
    place: { kind: "volume", volume, image, directory: `${volumeRoot}${within}` },
    container: undefined,
    description: `${within === "" ? "/" : within} of volume ${volume}`,
  };
}

async function onHost(directory: string): Promise<Target> {
  if (!isAbsolute(directory)) {
    throw new BackupError("configuration", `${JSON.stringify(directory)} is not an absolute path`, {
      operation,
      hint: "give `directory` from the root on, or name the container that it is in",
    });
  }
  const found = await stat(directory).catch((error: unknown) => {
    throw toBackupError(error, { operation, hint: "check the setting `directory`" });
  });
  if (!found.isDirectory()) {
    throw new BackupError("configuration", `${directory} is not a directory`, {
      operation,
      hint: "name the directory that the files are in",
    });
  }
  return {
    place: { kind: "host", directory: posix.normalize(directory) },
    container: undefined,
    description: directory,
  };
}

/** As configured, else as its environment says, else its only mount. */
function directoryIn({ name, mounts, environment }: ContainerInfo, configured: string | undefined): string {
  const mounted = mounts.filter(({ type }) => type === "volume" || type === "bind");
  const wanted =
    configured ?? environment["FAISS_DATA"] ?? (mounted.length === 1 ? mounted[0]?.destination : undefined);
  if (wanted === undefined) {
    throw new BackupError("configuration", `container ${name} does not tell where its index files are`, {
      operation,
      hint: `give the setting \`directory\`; it mounts: ${mounted.map(({ destination }) => destination).join(", ") || "nothing"}`,
    });
  }
  const directory = posix.normalize(wanted).replace(/(.)\/$/, "$1");
  const isMounted = mounted.some(
    ({ destination }) => directory === destination || directory.startsWith(`${destination}/`),
  );
  if (directory.startsWith("/") && isMounted) return directory;
  throw new BackupError("unsupported", `${directory} of container ${name} is not on a volume`, {
    operation,
    hint: `mount a volume at ${directory}; what is in the container's own layer is lost with it`,
  });
}

function isVolume({ type, source }: ContainerMount, volume: string): boolean {
  return type === "volume" && source === volume;
}
