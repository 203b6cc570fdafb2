import type { ContainerInfo, ContainerMount, PublishedPort } from "@sutazai/backup-core";
import type { ContainerInspectInfo } from "dockerode";

// Whoever sets one of these labels starts a replacement for a container that stops. Compose does not.
const orchestratorLabels: readonly (readonly [prefix: string, orchestrator: string])[] = [
  ["io.kubernetes.", "kubernetes"],
  ["com.docker.swarm.", "swarm"],
  ["com.hashicorp.nomad.", "nomad"],
  ["com.amazonaws.ecs.", "ecs"],
  ["io.balena.", "balena"],
  ["io.rancher.", "rancher"],
];

const states: ReadonlySet<string> = new Set([
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
] satisfies ContainerInfo["state"][]);

const mountTypes: ReadonlySet<string> = new Set(["volume", "bind", "tmpfs"]);

/** What the daemon says of a container, in our words. */
export function toContainerInfo(inspected: ContainerInspectInfo): ContainerInfo {
  const { Config: config, HostConfig: host, State: state, NetworkSettings: network } = inspected;
  const labels = config.Labels ?? {};
  return {
    id: inspected.Id,
    name: inspected.Name.replace(/^\//, ""),
    image: config.Image,
    imageId: inspected.Image,
    state: (states.has(state.Status) ? state.Status : "dead") as ContainerInfo["state"],
    health: toHealth(state.Health?.Status),
    startedAt: state.StartedAt,
    environment: Object.fromEntries((config.Env ?? []).map(toVariable)),
    command: [inspected.Path, ...(inspected.Args ?? [])],
    user: config.User ?? "",
    ports: Object.entries(network.Ports ?? {}).flatMap(([port, bindings]) => toPublished(port, bindings ?? [])),
    mounts: (inspected.Mounts ?? []).map(toMount),
    networks: Object.entries(network.Networks ?? {}).map(([name, endpoint]) => ({
      name,
      address: endpoint.IPAddress !== "" ? endpoint.IPAddress : (endpoint.GlobalIPv6Address ?? ""),
      aliases: aliasesOf(endpoint.Aliases as readonly string[] | null | undefined, inspected.Id),
    })),
    networkMode: host.NetworkMode === "default" ? "bridge" : (host.NetworkMode ?? "bridge"),
    labels,
    autoRemove: host.AutoRemove ?? false,
    orchestrator: orchestratorOf(labels),
  };
}

/** The names a container was given on a network, without the one Docker adds to each: the short id. */
export function aliasesOf(aliases: readonly string[] | null | undefined, containerId: string): string[] {
  return (aliases ?? []).filter((alias) => alias !== containerId.slice(0, 12));
}

function orchestratorOf(labels: Readonly<Record<string, string>>): string | undefined {
  const names = Object.keys(labels);
  return orchestratorLabels.find(([prefix]) => names.some((name) => name.startsWith(prefix)))?.[1];
}

function toHealth(status: string | undefined): ContainerInfo["health"] {
  return status === "healthy" || status === "unhealthy" || status === "starting" ? status : "none";
}

function toVariable(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** `7000/tcp` and its bindings; databases do not speak UDP. */
function toPublished(port: string, bindings: readonly { HostIp?: string; HostPort: string }[]): PublishedPort[] {
  const [number, protocol = "tcp"] = port.split("/");
  if (protocol !== "tcp") return [];
  return bindings
    .filter(({ HostPort }) => Number(HostPort) > 0)
    .map(({ HostIp = "", HostPort }) => ({
      containerPort: Number(number),
      hostAddress: HostIp,
      hostPort: Number(HostPort),
    }));
}

function toMount(mount: ContainerInspectInfo["Mounts"][number] & { readonly Type?: string }): ContainerMount {
  const type = mount.Type ?? "other";
  return {
    type: (mountTypes.has(type) ? type : "other") as ContainerMount["type"],
    source: type === "volume" ? (mount.Name ?? mount.Source) : mount.Source,
    destination: mount.Destination,
    writable: mount.RW,
  };
}
