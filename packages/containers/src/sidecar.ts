import type { Duplex } from "node:stream";
import { BackupError, type SidecarSpec, type ToolProcess } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { ignoreLateErrors, transferFrom } from "./attached-output.ts";
import { throwIfAborted, tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { ownedBy, uniqueName } from "./ownership.ts";
import { poll } from "./poll.ts";
import { removeContainer } from "./removal.ts";
import { fedScript, unattendedScript } from "./sidecar-script.ts";
import { ToolSession, type Ended } from "./tool-session.ts";

const operation = "containers.sidecar";

/** Starts a tool in a container of its own. What is made here is gone when the tool process says that it has ended. */
export async function startSidecar({ docker, memoryLimit }: Engine, spec: SidecarSpec): Promise<ToolProcess> {
  throwIfAborted(spec.signal, operation);
  const container = await docker.createContainer({
    name: uniqueName(spec.purpose),
    Image: spec.image,
    Labels: await ownedBy("sidecar"),
    // The image's own entrypoint would start a server.
    Entrypoint: ["/bin/sh", "-c", spec.stdin === undefined ? unattendedScript : fedScript, spec.purpose],
    Cmd: [...spec.command],
    Env: Object.entries(spec.environment ?? {}).map(([name, value]) => `${name}=${value}`),
    WorkingDir: "/",
    ...(spec.user !== undefined && { User: spec.user }),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    Tty: false,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      // Any other driver would write all that passes to the daemon's disk.
      LogConfig: { Type: "none", Config: {} },
      NetworkMode: spec.networkOf === undefined ? "none" : `container:${spec.networkOf}`,
      ...(spec.volumesOf !== undefined && {
        VolumesFrom: [`${spec.volumesOf}:${spec.volumesReadOnly === true ? "ro" : "rw"}`],
      }),
      Tmpfs: await coveredVolumes(docker, spec),
      CapDrop: ["ALL"],
      CapAdd: capabilitiesFor(spec),
      SecurityOpt: ["no-new-privileges"],
      Memory: memoryLimit,
      MemorySwap: memoryLimit,
    },
  });
  let socket: Duplex | undefined;
  try {
    throwIfAborted(spec.signal, operation);
    // Before the start, so that not a byte is lost.
    socket = (await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    })) as Duplex;
    ignoreLateErrors(socket);
    await container.start();
    return session(docker, container, socket, spec);
  } catch (error) {
    socket?.destroy();
    await removeContainer(docker, container.id, { volumes: false });
    throw error;
  }
}

function session(docker: Docker, container: Docker.Container, socket: Duplex, spec: SidecarSpec): ToolSession {
  return new ToolSession({
    name: `the sidecar ${spec.purpose}`,
    signal: spec.signal,
    stdin: spec.stdin === undefined ? undefined : { source: spec.stdin, target: socket },
    transfer: transferFrom(socket),
    ended: () => poll(() => exitOf(container, spec)),
    async release() {
      // The container first: were the connection closed before, its tool would take the end of its input for the end of the data.
      await removeContainer(docker, container.id, { volumes: false });
      socket.destroy();
    },
  });
}

async function exitOf(container: Docker.Container, spec: SidecarSpec): Promise<Ended | undefined> {
  const inspected = await tolerating([404], container.inspect());
  if (inspected === undefined) {
    throw new BackupError("tool-failed", `the sidecar ${spec.purpose} was removed by somebody else while it ran`, {
      hint: "see who removes containers here (`docker system prune`, another tool), then try again",
    });
  }
  const { Running: running, ExitCode: code, OOMKilled: outOfMemory } = inspected.State;
  return running ? undefined : { code, outOfMemory };
}

/**
 * Volumes that the image declares and nobody mounts, as memory instead. Docker would make anonymous volumes of them, to be
 * removed with the container, and then it removes those that came with `VolumesFrom` as well, if their own container has gone meanwhile.
 */
async function coveredVolumes(docker: Docker, spec: SidecarSpec): Promise<Record<string, string>> {
  const { Config: config } = await docker.getImage(spec.image).inspect();
  const declared = Object.keys(config.Volumes ?? {});
  if (declared.length === 0) return {};
  const mounted = spec.volumesOf === undefined ? [] : (await docker.getContainer(spec.volumesOf).inspect()).Mounts;
  const free = declared.filter((path) => !mounted.some(({ Destination }) => Destination === path));
  return Object.fromEntries(free.map((path) => [path, ""]));
}

/** Data directories belong to the server's user; root without these could not read them, or give files back to it. */
function capabilitiesFor({ volumesOf, volumesReadOnly }: SidecarSpec): string[] {
  if (volumesOf === undefined) return [];
  return volumesReadOnly === true ? ["DAC_READ_SEARCH"] : ["CHOWN", "DAC_OVERRIDE", "FOWNER"];
}
