import { isDeepStrictEqual } from "node:util";
import type { ContainerDefinition, HealthCheckDefinition, NetworkDefinition } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { aliasesOf, toContainerInfo } from "../container-info.ts";
import { keptHealthCheck, keptValue, keptVariable, secretsOf, withoutSecrets } from "./secrets.ts";

/** What a container's own description does not tell. */
export interface Surroundings {
  /** Undefined where it has been removed since: then all settings count as the container's own. */
  readonly image: Docker.ImageInspectInfo | undefined;
  /** Those that the container is on, as far as they are there. */
  readonly networks: readonly Docker.NetworkInspectInfo[];
  /** Those that it mounts, as far as they are there. */
  readonly volumes: readonly Docker.VolumeInspectInfo[];
  /** Of the container whose network it shares. */
  readonly networkOwner: string | undefined;
}

/** How an inspected container was made, without a secret. Pure. */
export function toDefinition(inspected: Docker.ContainerInspectInfo, around: Surroundings): ContainerDefinition {
  const info = toContainerInfo(inspected);
  const { HostConfig: host } = inspected;
  const config = inspected.Config as Configuration;
  const given = (around.image?.Config ?? {}) as Partial<Configuration>;
  const environment = Object.fromEntries(
    Object.entries(info.environment).filter(([name, value]) => !(given.Env ?? []).includes(`${name}=${value}`)),
  );
  const secrets = secretsOf(info.environment);
  const labels = Object.entries(info.labels).filter(([name, value]) => given.Labels?.[name] !== value);
  // Another entrypoint takes the image's command away.
  const entrypoint = other(config.Entrypoint ?? [], given.Entrypoint ?? []);
  const command = entrypoint === null ? other(config.Cmd ?? [], given.Cmd ?? []) : (config.Cmd ?? []);
  return {
    name: info.name,
    image: info.image,
    imageId: info.imageId,
    imageDigest: around.image?.RepoDigests?.[0] ?? null,
    entrypoint: entrypoint && withoutSecrets(entrypoint, secrets),
    command: command && withoutSecrets(command, secrets),
    user: other(config.User ?? "", given.User ?? ""),
    workingDirectory: other(config.WorkingDir || "/", given.WorkingDir || "/"),
    hostname: inspected.Id.startsWith(config.Hostname ?? "") ? null : (config.Hostname ?? null),
    environment: kept(Object.entries(environment), (name, value) => keptVariable(name, value, secrets)),
    labels: kept(labels, (name, value) => keptValue(name, value, secrets)),
    // Docker tells them in no order.
    mounts: info.mounts.toSorted((a, b) => (a.destination < b.destination ? -1 : 1)),
    volumes: Object.fromEntries(
      around.volumes
        .filter(({ Driver, Options }) => Driver !== "local" || Object.keys(Options ?? {}).length > 0)
        .map(({ Name, Driver, Options }) => [
          Name,
          {
            driver: Driver,
            options: kept(Object.entries(Options ?? {}), (name, value) => keptValue(name, value, secrets)),
          },
        ]),
    ),
    tmpfs: host.Tmpfs ?? {},
    networkMode: around.networkOwner === undefined ? info.networkMode : `container:${around.networkOwner}`,
    networks: Object.entries(inspected.NetworkSettings.Networks ?? {})
      .filter(([name]) => !builtInNetworks.has(name))
      .map(([name, endpoint]) => toNetwork(name, endpoint, inspected.Id, around.networks)),
    ports: Object.entries((host.PortBindings ?? {}) as Bindings).flatMap(([container, bindings]) =>
      (bindings ?? []).map(({ HostIp, HostPort }) => ({
        container,
        hostAddress: HostIp ?? "",
        hostPort: HostPort ?? "",
      })),
    ),
    restart: restartOf(host.RestartPolicy),
    healthCheck: isDeepStrictEqual(config.Healthcheck, given.Healthcheck)
      ? null
      : toHealthCheck(config.Healthcheck ?? {}, secrets),
    stopSignal: other(config.StopSignal ?? "", given.StopSignal ?? ""),
    stopTimeoutSeconds: config.StopTimeout ?? null,
    memoryLimit: host.Memory || null,
    cpus: host.NanoCpus ? host.NanoCpus / 1e9 : null,
    sharedMemory: host.ShmSize === undefined || host.ShmSize === 64 * 1024 ** 2 ? null : host.ShmSize,
    init: host.Init ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    notKept: [...settingsNotKept(host), ...configurationNotKept.filter((name) => isSet(config[name]))],
  };
}

interface Configuration {
  readonly Env?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Hostname?: string;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Healthcheck?: HealthCheck | null;
  readonly Domainname?: string;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly MacAddress?: string;
}

/** Times are nanoseconds; 0 is Docker's default. */
interface HealthCheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly Retries?: number;
}

type Bindings = Readonly<Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[] | null>>;

const builtInNetworks: ReadonlySet<string> = new Set(["bridge", "host", "none"]);
const configurationNotKept = ["Domainname", "Tty", "OpenStdin", "MacAddress"] as const;

function other<T>(value: T, images: T): T | null {
  return isDeepStrictEqual(value, images) ? null : value;
}

function kept(
  entries: readonly (readonly [name: string, value: string])[],
  keep: (name: string, value: string) => string | null,
): Record<string, string | null> {
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, keep(name, value)]),
  );
}

function toNetwork(
  name: string,
  endpoint: Docker.EndpointSettings | Docker.ContainerInspectInfo["NetworkSettings"]["Networks"][string],
  containerId: string,
  networks: readonly Docker.NetworkInspectInfo[],
): NetworkDefinition {
  const network = networks.find(({ Name }) => Name === name);
  const chosen = (endpoint.IPAMConfig ?? {}) as { IPv4Address?: string; IPv6Address?: string };
  const addresses = [chosen.IPv4Address, chosen.IPv6Address].flatMap((address) => address || []);
  return {
    name,
    aliases: aliasesOf(endpoint.Aliases as readonly string[] | null | undefined, containerId).sort(),
    addresses,
    driver: network?.Driver ?? "bridge",
    internal: network?.Internal ?? false,
    subnets: addresses.length === 0 ? [] : (network?.IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
  };
}

function restartOf(policy: Docker.HostRestartPolicy | undefined): string {
  const name = policy?.Name || "no";
  return policy?.MaximumRetryCount ? `${name}:${policy.MaximumRetryCount}` : name;
}

function toHealthCheck(check: HealthCheck, secrets: readonly string[]): HealthCheckDefinition {
  const milliseconds = (nanoseconds: number | undefined) => (nanoseconds ? nanoseconds / 1e6 : null);
  return {
    // None at all where the image has one: it was switched off.
    test: keptHealthCheck(check.Test ?? ["NONE"], secrets),
    intervalMs: milliseconds(check.Interval),
    timeoutMs: milliseconds(check.Timeout),
    startPeriodMs: milliseconds(check.StartPeriod),
    retries: check.Retries || null,
  };
}

// What Docker sets by itself.
const usual: Readonly<Record<string, readonly unknown[]>> = {
  CgroupnsMode: ["host", "private"],
  IpcMode: ["private", "shareable"],
  Isolation: ["default"],
  LogConfig: [{ Type: "json-file", Config: {} }],
  Runtime: ["runc"],
  MemorySwappiness: [-1],
};
// Kept in fields of their own, or following from them.
const elsewhere: ReadonlySet<string> = new Set(
  "Binds ConsoleSize ContainerIDFile Init MaskedPaths Memory MemorySwap Mounts NanoCpus NetworkMode PortBindings ReadonlyPaths ReadonlyRootfs RestartPolicy ShmSize Tmpfs VolumeDriver".split(
    " ",
  ),
);

function settingsNotKept(host: object): string[] {
  return Object.entries(host)
    .filter(([name, value]) => !elsewhere.has(name) && isSet(value))
    .filter(([name, value]) => !(usual[name] ?? []).some((one) => isDeepStrictEqual(one, value)))
    .map(([name]) => name)
    .sort();
}

function isSet(value: unknown): boolean {
  const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return !empty && value !== null && value !== undefined && value !== false && value !== 0 && value !== "";
}
