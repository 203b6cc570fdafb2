import type { ContainerDefinition, ContainerMount, Manifest } from "@sutazai/backup-core";
import { Document } from "yaml";
import { comment, print } from "./document.ts";
import { Keys, nameServices, nameVolumes } from "./names.ts";
import { toService, type Surroundings } from "./service.ts";
import { literal, Variables } from "./variables.ts";

/** A container and the backups that were taken from it. */
export interface Source {
  readonly container: ContainerDefinition;
  readonly manifests: readonly Manifest[];
}

export interface Composed {
  /** The text of a compose file. */
  readonly compose: string;
  /** What has to be set before it starts. */
  readonly variables: readonly string[];
  readonly warnings: readonly string[];
}

/** A compose file that makes containers again as they were, under the names they had. Pure. */
export function composeFile(sources: readonly Source[]): Composed {
  const variables = new Variables();
  const containers = sources.map(({ container }) => container);
  const services = nameServices(containers);
  const volumeNames = nameVolumes(containers, services);
  const volumes = new Keys();
  const networks = new Keys();
  const volumeDefinitions: Record<string, object> = {};
  const composed = sources.map((source) => {
    const { container } = source;
    const service = services.get(container.name) ?? container.name;
    const warnings: string[] = [];
    const around: Surroundings = {
      variables,
      services,
      volume: (owner, mount) => {
        const name = volumeNames.get(mount.source) ?? mount.source;
        const key = volumes.of(name);
        volumeDefinitions[key] ??= toVolume(name, service, owner, mount, variables);
        return key;
      },
      network: (name) => networks.of(name),
      warn: (message) => void warnings.push(message),
    };
    const definition = toService(service, container, around);
    return { service, definition, source, warnings: [...warnings, ...imageWarnings(source)] };
  });
  const document = new Document(
    {
      services: Object.fromEntries(composed.map(({ service, definition }) => [service, definition])),
      ...(networks.size > 0 && { networks: toNetworks(networks, sources) }),
      ...(volumes.size > 0 && { volumes: volumeDefinitions }),
    },
    { version: "1.1", aliasDuplicateObjects: false },
  );
  comment(document, composed, variables.names);
  return {
    compose: print(document),
    variables: variables.names,
    warnings: composed.flatMap(({ source, warnings }) =>
      warnings.map((warning) => `${source.container.name}: ${warning}`),
    ),
  };
}

function toVolume(
  name: string,
  service: string,
  { volumes }: ContainerDefinition,
  { source }: ContainerMount,
  variables: Variables,
): object {
  const made = volumes[source];
  if (made === undefined) return { name: literal(name) };
  const options = Object.entries(made.options).map(([option, value]) => [
    option,
    value === null
      ? variables.reference(service, `${name}_${option}`.toUpperCase(), `an option of the volume`)
      : literal(value),
  ]);
  return { name: literal(name), driver: literal(made.driver), driver_opts: Object.fromEntries(options) as object };
}

function toNetworks(networks: Keys, sources: readonly Source[]): object {
  const attached = sources.flatMap(({ container }) => container.networks);
  return Object.fromEntries(
    networks.entries().map(([key, name]) => {
      const all = attached.filter((network) => network.name === name);
      const [made] = all;
      // Chosen addresses need the range that they were chosen from; otherwise Docker takes one that is free.
      const fixed = all.some(({ addresses }) => addresses.length > 0);
      return [
        key,
        {
          name: literal(name),
          ...(made !== undefined && made.driver !== "bridge" && { driver: made.driver }),
          ...(made?.internal === true && { internal: true }),
          ...(fixed && { ipam: { config: (made?.subnets ?? []).map((subnet) => ({ subnet })) } }),
        },
      ];
    }),
  );
}

function imageWarnings({ container, manifests }: Source): string[] {
  const version = [...new Set(manifests.map(({ serverVersion }) => serverVersion))].join(", ");
  const { image, imageDigest } = container;
  if (/^(sha256:)?[0-9a-f]{12,64}$/.test(image))
    return [`its image has no name, only the id ${image}: name one of version ${version}`];
  const tagged = /:[^/]+$/.test(image);
  return [
    ...(!tagged || image.endsWith(":latest")
      ? [`its image ${image} may be another version by now; it was ${version}`]
      : []),
    ...(imageDigest === null ? [`no registry is known to have its image ${image}: build or load it first`] : []),
  ];
}
