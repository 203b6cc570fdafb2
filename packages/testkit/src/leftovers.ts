import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { currentProcess, processIdentitySchema } from "@sutazai/backup-core";
import { docker, ignoringAbsence } from "./docker.ts";

/** What the system marks as its own. */
export const ownerLabel = "sutazai.backup.owner";

/** Containers, networks and volumes that the system made in a process of this host, this one unless given, and that are still there. */
export async function leftInDocker(pid: number = process.pid): Promise<string[]> {
  const engine = await docker();
  const filters = { label: [ownerLabel] };
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listNetworks({ filters }),
    engine.listVolumes({ filters }),
  ]);
  return [
    ...containers.filter(({ Labels }) => isOf(pid, Labels)).map(({ Names }) => `container ${Names.join(" ")}`),
    ...networks.filter(({ Labels }) => isOf(pid, Labels)).map(({ Name }) => `network ${Name}`),
    ...(volumes.Volumes ?? []).filter(({ Labels }) => isOf(pid, Labels)).map(({ Name }) => `volume ${Name}`),
  ];
}

function isOf(pid: number, labels: Readonly<Record<string, string>> | null | undefined): boolean {
  return processIdentitySchema.safeParse(JSON.parse(labels?.[ownerLabel] ?? "null")).data?.pid === pid;
}

/** Kills the servers that a process of this host drills backups in. */
export async function killThrowaways(pid: number): Promise<void> {
  const engine = await docker();
  const running = await engine.listContainers({ filters: { label: [ownerLabel, "sutazai.backup.role=throwaway"] } });
  for (const { Id } of running.filter(({ Labels }) => isOf(pid, Labels))) {
    await ignoringAbsence(engine.getContainer(Id).kill());
  }
}

/** What the containers of the system show to everybody who may list them: names, labels, command lines. */
export async function shownByContainers(): Promise<string[]> {
  const engine = await docker();
  const filters = { label: [`${ownerLabel}=${JSON.stringify(await currentProcess())}`] };
  const containers = await engine.listContainers({ all: true, filters });
  const shown = containers.map(async ({ Id }) => {
    const { Name, Path, Args, Config } = await engine.getContainer(Id).inspect();
    return JSON.stringify([Name, Path, Args, Config.Cmd, Config.Entrypoint, Config.Labels]);
  });
  return Promise.all(shown.map((answer) => unlessHeldUp(answer, "")));
}

/**
 * Of a container that has ended the daemon (20.10) says nothing before its output is read, and whoever asks in a fault within a stream is the very one who reads it.
 */
function unlessHeldUp<Answer, Otherwise>(answer: Promise<Answer>, otherwise: Otherwise): Promise<Answer | Otherwise> {
  answer.catch(() => undefined);
  return Promise.race([answer, sleep(3_000, otherwise)]);
}

/** Kills the tools and servers that this process's operations run in containers, as the kernel would for want of memory. Returns how many there were. */
export async function killTools(): Promise<number> {
  const engine = await docker();
  const filters = { label: [`${ownerLabel}=${JSON.stringify(await currentProcess())}`] };
  const running = await engine.listContainers({ filters });
  // One that has just ended needs no killing.
  const kills = running.map(({ Id }) => unlessHeldUp(engine.getContainer(Id).kill(), undefined));
  return (await Promise.allSettled(kills)).filter(({ status }) => status === "fulfilled").length;
}

/** What a container has besides its image and volumes: files made in it, programs that run in it. */
export async function insideContainer(id: string): Promise<Set<string>> {
  const container = (await docker()).getContainer(id);
  const changes: { Path: string; Kind: number }[] = (await container.changes()) ?? [];
  const added = changes.filter(({ Path, Kind }) => Kind === 1 && !/^\/(run|var\/run)(\/|$)/.test(Path));
  const { Processes } = await container.top({ ps_args: "-eo pid,comm" });
  return new Set([
    ...added.map(({ Path }) => `file ${Path}`),
    ...(Processes as string[][]).map(([, name]) => `process ${name}`),
  ]);
}

/** The files of a directory, or none where it is not there. */
export async function filesIn(directory: string): Promise<string[]> {
  return readdir(directory, { recursive: true }).catch(() => []);
}
