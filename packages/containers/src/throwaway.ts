import type { ContainerInfo, ThrowawayContainer, ThrowawaySpec } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { writeArchive } from "./archive.ts";
import { throwIfAborted, tolerating } from "./classify-error.ts";
import { Demultiplexer } from "./demultiplexer.ts";
import type { Engine } from "./engine.ts";
import { inspectContainer } from "./finding.ts";
import { ownedBy, uniqueName } from "./ownership.ts";
import { ranOutOfMemory } from "./out-of-memory.ts";
import { removeContainer, removeVolume } from "./removal.ts";
import { Tail } from "./tail.ts";
import { volumeMounts } from "./volumes.ts";

// What the entrypoints of official images need: give the data directory to the server's user, and become it.
const serverCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"];

/** Starts a server that lives until it is disposed. It can reach nothing outside; only this host, or the container whose network it shares, reaches it. */
export async function startThrowaway(engine: Engine, spec: ThrowawaySpec): Promise<ThrowawayContainer> {
  const { docker } = engine;
  const name = uniqueName(spec.purpose);
  await using made = new AsyncDisposableStack();
  throwIfAborted(spec.signal, "containers.throwaway");
  if (spec.networkOf === undefined) {
    const network = await docker.createNetwork({
      Name: name,
      Driver: "bridge",
      Internal: true,
      CheckDuplicate: true,
      Labels: await ownedBy("throwaway"),
    });
    made.defer(async () => void (await tolerating([404], network.remove())));
  }
  const fresh: Docker.MountSettings[] = [];
  for (const path of spec.freshVolumes ?? []) {
    const volume = uniqueName(spec.purpose);
    await docker.createVolume({ Name: volume, Labels: await ownedBy("throwaway") });
    made.defer(() => removeVolume(docker, volume));
    fresh.push({ Type: "volume", Source: volume, Target: path });
  }
  const container = await createServer(engine, spec, name, fresh);
  made.defer(() => removeContainer(docker, container.id, { volumes: true }));
  for (const [directory, tar] of Object.entries(spec.files ?? {})) {
    await writeArchive(engine, container.id, directory, tar, spec.signal);
  }
  throwIfAborted(spec.signal, "containers.throwaway");
  await container.start();
  const owned = made.move();
  return {
    id: container.id,
    inspect: (): Promise<ContainerInfo> => inspectContainer(engine, container.id),
    restart: async () => void (await container.restart({ t: 60 })),
    logs: () => lastLines(container),
    ranOutOfMemory: async () => ranOutOfMemory(docker, await container.inspect()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function createServer(
  { docker, memoryLimit }: Engine,
  spec: ThrowawaySpec,
  name: string,
  freshVolumes: readonly Docker.MountSettings[],
): Promise<Docker.Container> {
  const memory = spec.memoryLimit ?? memoryLimit;
  return docker.createContainer({
    name,
    Image: spec.image,
    Labels: await ownedBy("throwaway"),
    ...(spec.entrypoint !== undefined && { Entrypoint: [...spec.entrypoint] }),
    ...(spec.command !== undefined && { Cmd: [...spec.command] }),
    ...(spec.user !== undefined && { User: spec.user }),
    // A check of the image's may ask for what is not there; whoever started this one knows how to ask it.
    Healthcheck: { Test: ["NONE"] },
    Env: Object.entries(spec.environment ?? {}).map(([variable, value]) => `${variable}=${value}`),
    HostConfig: {
      LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "1" } },
      NetworkMode: spec.networkOf === undefined ? name : `container:${spec.networkOf}`,
      Mounts: [...(await volumeMounts(docker, spec.volumes, { readOnly: false })), ...freshVolumes],
      CapDrop: ["ALL"],
      CapAdd: serverCapabilities,
      SecurityOpt: ["no-new-privileges"],
      Memory: memory,
      MemorySwap: memory,
      // Counts as memory all the same; Docker's own 64 MiB are too few for parallel workers of PostgreSQL.
      ShmSize: memory,
    },
  });
}

async function lastLines(container: Docker.Container): Promise<string> {
  const tail = new Tail(64 * 1024);
  const write = (data: Uint8Array) => tail.write(data);
  const logged = await container.logs({ stdout: true, stderr: true, tail: 100, follow: false });
  new Demultiplexer({ stdout: write, stderr: write }).push(logged);
  return tail.toString();
}
