import type { Duplex } from "node:stream";
import { BackupError, type SidecarSpec, type ToolProcess } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { ignoreLateErrors, transferFrom } from "./attached-output.ts";
import { throwIfAborted, tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { ownedBy, uniqueName } from "./ownership.ts";
import { ranOutOfMemory } from "./out-of-memory.ts";
import { poll } from "./poll.ts";
import { removeContainer } from "./removal.ts";
import { fedScript, unattendedScript } from "./sidecar-script.ts";
import { ToolSession, type Ended } from "./tool-session.ts";
import { volumeMounts } from "./volumes.ts";

const operation = "containers.sidecar";

/** What a sidecar of this package's own needs beyond others. */
export interface Particulars {
  readonly name: string;
  /** Process 1, instead of the one that runs any tool. */
  readonly script: string;
  /** It sees the processes of the host, and may signal them. */
  readonly hostProcesses: boolean;
  /** Volumes that it writes to, by path, while those of `volumesOf` may be read-only. */
  readonly writable: Readonly<Record<string, string>>;
  /** It must undo something before it may be killed, and does so at a SIGTERM. */
  readonly undoes: boolean;
}

/** Seconds that a sidecar has to undo what it must: signals, no more. */
const undoSeconds = 30;

/** Starts a tool in a container of its own. What is made here is gone when the tool process says that it has ended. */
export async function startSidecar(
  { docker, memoryLimit }: Engine,
  spec: SidecarSpec,
  particulars: Partial<Particulars> = {},
): Promise<ToolProcess> {
  throwIfAborted(spec.signal, operation);
  const script = particulars.script ?? (spec.stdin === undefined ? unattendedScript : fedScript);
  const container = await docker.createContainer({
    name: particulars.name ?? uniqueName(spec.purpose),
    Image: spec.image,
    Labels: await ownedBy("sidecar"),
    // The image's own entrypoint would start a server.
    Entrypoint: ["/bin/sh", "-c", script, spec.purpose],
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
      Mounts: [
        ...(await volumeMounts(docker, spec.volumes, { readOnly: spec.volumesReadOnly === true })),
        ...(await volumeMounts(docker, particulars.writable, { readOnly: false })),
      ],
      Tmpfs: await coveredVolumes(docker, spec),
      ...(particulars.hostProcesses === true && { PidMode: "host", CgroupnsMode: "host" }),
      CapDrop: ["ALL"],
      CapAdd: capabilitiesFor(spec, particulars),
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
    return session(docker, container, socket, spec, particulars.undoes ?? false);
  } catch (error) {
    socket?.destroy();
    await removeContainer(docker, container.id, { volumes: false });
    throw error;
  }
}

function session(
  docker: Docker,
  container: Docker.Container,
  socket: Duplex,
  spec: SidecarSpec,
  undoes: boolean,
): ToolSession {
  return new ToolSession({
    name: `the sidecar ${spec.purpose}`,
    signal: spec.signal,
    stdin: spec.stdin === undefined ? undefined : { source: spec.stdin, target: socket },
    transfer: transferFrom(socket),
    ended: () => poll(() => exitOf(docker, container, spec)),
    async release() {
      try {
        if (undoes) await tolerating([304, 404], container.stop({ t: undoSeconds }));
        // The container first: were the connection closed before, its tool would take the end of its input for the end of the data.
        await removeContainer(docker, container.id, { volumes: false });
      } finally {
        socket.destroy();
      }
    },
  });
}

/** By SIGKILL. */
const killed = 137;

async function exitOf(docker: Docker, container: Docker.Container, spec: SidecarSpec): Promise<Ended | undefined> {
  const inspected = await tolerating([404], container.inspect());
  if (inspected === undefined) {
    throw new BackupError("tool-failed", `the sidecar ${spec.purpose} was removed by somebody else while it ran`, {
      hint: "see who removes containers here (`docker system prune`, another tool), then try again",
    });
  }
  const { Running: running, ExitCode: code, OOMKilled: outOfMemory } = inspected.State;
  if (running) return undefined;
  return { code, outOfMemory: outOfMemory || (code === killed && (await ranOutOfMemory(docker, inspected))) };
}

/**
 * Volumes that the image declares and nobody mounts, as memory instead. Docker would make anonymous volumes of them, to be
 * removed with the container, and then it removes those that came with `VolumesFrom` as well, if their own container has gone meanwhile.
 */
async function coveredVolumes(docker: Docker, spec: SidecarSpec): Promise<Record<string, string>> {
  const { Config: config } = await docker.getImage(spec.image).inspect();
  const declared = Object.keys(config.Volumes ?? {});
  if (declared.length === 0) return {};
  const others = spec.volumesOf === undefined ? [] : (await docker.getContainer(spec.volumesOf).inspect()).Mounts;
  const mounted = new Set([...others.map(({ Destination }) => Destination), ...Object.keys(spec.volumes ?? {})]);
  return Object.fromEntries(declared.filter((path) => !mounted.has(path)).map((path) => [path, ""]));
}

/** Data directories belong to the server's user; root without these could not read them, or give files back to it. */
function capabilitiesFor(spec: SidecarSpec, { hostProcesses, writable }: Partial<Particulars>): string[] {
  const isMounted = spec.volumesOf !== undefined || spec.volumes !== undefined;
  const writes = (isMounted && spec.volumesReadOnly !== true) || writable !== undefined;
  return [
    ...(isMounted && spec.volumesReadOnly === true ? ["DAC_READ_SEARCH"] : []),
    ...(writes ? ["CHOWN", "DAC_OVERRIDE", "FOWNER"] : []),
    ...(hostProcesses === true ? ["KILL"] : []),
  ];
}
