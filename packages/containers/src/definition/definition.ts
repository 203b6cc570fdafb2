import type { ContainerDefinition } from "@sutazai/backup-core";
import { tolerating } from "../classify-error.ts";
import type { Engine } from "../engine.ts";
import { lookUp } from "../finding.ts";
import { toDefinition } from "./to-definition.ts";

/** How a container was made, with what its image, its networks and its volumes add. */
export async function defineContainer(engine: Engine, reference: string): Promise<ContainerDefinition> {
  const { docker } = engine;
  const inspected = await lookUp(engine, reference);
  const owner = /^container:(.+)$/.exec(inspected.HostConfig.NetworkMode ?? "")?.[1];
  const networkIds = Object.values(inspected.NetworkSettings.Networks ?? {}).map(({ NetworkID }) => NetworkID);
  const volumeNames = (inspected.Mounts ?? []).flatMap(({ Name }) => Name ?? []);
  const there = <T>(asked: readonly Promise<T>[]) =>
    Promise.all(asked.map((one) => tolerating([404], one))).then((all) => all.filter((one) => one !== undefined));
  const [[image], networks, volumes, networkOwner] = await Promise.all([
    there([docker.getImage(inspected.Image).inspect()]),
    there(networkIds.filter((id) => id !== "").map((id) => docker.getNetwork(id).inspect())),
    there(volumeNames.map((name) => docker.getVolume(name).inspect())),
    owner === undefined ? undefined : lookUp(engine, owner).then(({ Name }) => Name.replace(/^\//, "")),
  ]);
  return toDefinition(inspected, { image, networks, volumes, networkOwner });
}
