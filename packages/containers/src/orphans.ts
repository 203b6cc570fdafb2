import { livenessOf } from "@sutazai/backup-core";
import type Docker from "dockerode";
import type { Engine } from "./engine.ts";
import { ownerLabel, ownerOf, roleLabel, type Role } from "./ownership.ts";
import { removeContainer, removeVolume } from "./removal.ts";

const owned = { label: [ownerLabel] };

/** Removes what dead processes of this host made: containers first, for they hold the rest. */
export async function removeOrphans({ docker }: Engine): Promise<string[]> {
  const removed: string[] = [];
  for (const { Id, Names, Labels } of await docker.listContainers({ all: true, filters: owned })) {
    if (!(await isOrphan(Labels))) continue;
    await removeContainer(docker, Id, { volumes: Labels[roleLabel] !== ("sidecar" satisfies Role) });
    removed.push(`container ${Names[0]?.slice(1) ?? Id.slice(0, 12)}`);
  }
  for (const { Id, Name, Labels } of await docker.listNetworks({ filters: owned })) {
    if (!(await isOrphan(Labels)) || (await isReferred(docker, Id))) continue;
    await docker.getNetwork(Id).remove();
    removed.push(`network ${Name}`);
  }
  const { Volumes: volumes } = await docker.listVolumes({ filters: owned });
  for (const { Name, Labels } of volumes ?? []) {
    if (!(await isOrphan(Labels)) || (await isUsed(docker, Name))) continue;
    await removeVolume(docker, Name);
    removed.push(`volume ${Name}`);
  }
  return removed;
}

async function isOrphan(labels: Readonly<Record<string, string>> | null | undefined): Promise<boolean> {
  const owner = ownerOf(labels);
  return owner !== undefined && (await livenessOf(owner)) === "dead";
}

/** By a container that is not ours to remove. One that has just been removed may still hold it for a moment: that is waited for. */
async function isUsed(docker: Docker, volume: string): Promise<boolean> {
  return (await docker.listContainers({ all: true, filters: { volume: [volume] } })).length > 0;
}

/** Somebody's container, running or stopped, is still on the network of an isolation: the journal puts it back, not we. */
async function isReferred(docker: Docker, networkId: string): Promise<boolean> {
  return (await docker.listContainers({ all: true, filters: { network: [networkId] } })).length > 0;
}
