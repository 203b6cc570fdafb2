import type { ContainerDefinition, ContainerMount, HealthCheckDefinition, PortBinding } from "@sutazai/backup-core";
import { literal, type Variables } from "./variables.ts";

/** What the services of one file share. */
export interface Surroundings {
  readonly variables: Variables;
  /** The services' names, by their containers'. */
  readonly services: ReadonlyMap<string, string>;
  /** A volume's key in the file. */
  volume(container: ContainerDefinition, mount: ContainerMount): string;
  /** A network's key in the file. */
  network(name: string): string;
  readonly warn: (message: string) => void;
}

/** A container as a service of a compose file. */
export function toService(service: string, container: ContainerDefinition, around: Surroundings): object {
  const { variables, warn } = around;
  const values = (entries: readonly (readonly [string, string | null])[], what: string) =>
    Object.fromEntries(
      entries.map(([name, value]) => [
        name,
        value === null ? variables.reference(service, name, `the ${what} ${plain(name)}`) : literal(value),
      ]),
    );
  if (container.notKept.length > 0) {
    warn(`these settings were made too and are not in the backup: ${container.notKept.join(", ")}`);
  }
  return withoutEmpty({
    image: literal(container.image),
    container_name: literal(container.name),
    entrypoint: container.entrypoint?.map((_, index, all) => argument(service, all, index, variables)),
    command: container.command?.map((_, index, all) => argument(service, all, index, variables)),
    user: optional(container.user),
    working_dir: optional(container.workingDirectory),
    hostname: optional(container.hostname),
    environment: values(Object.entries(container.environment), "variable"),
    // Compose sets its own anew.
    labels: values(
      Object.entries(container.labels).filter(([name]) => !name.startsWith("com.docker.compose.")),
      "label",
    ),
    volumes: container.mounts.flatMap((mount) => toMount(container, mount, around)),
    tmpfs: Object.entries(container.tmpfs).map(([path, options]) =>
      literal(options === "" ? path : `${path}:${options}`),
    ),
    ...networking(service, container, around),
    ports: container.ports.map(toPort),
    restart: literal(container.restart),
    healthcheck: container.healthCheck === null ? undefined : toHealthCheck(container.healthCheck, warn),
    stop_signal: optional(container.stopSignal),
    stop_grace_period: container.stopTimeoutSeconds === null ? undefined : `${container.stopTimeoutSeconds}s`,
    mem_limit: container.memoryLimit ?? undefined,
    cpus: container.cpus ?? undefined,
    shm_size: container.sharedMemory ?? undefined,
    init: container.init || undefined,
    read_only: container.readOnly || undefined,
  });
}

const redacted = "**redacted**";

/** One argument of a command, with references for the secrets that were taken out of it. */
function argument(service: string, all: readonly string[], index: number, variables: Variables): string {
  const before = all[index - 1] ?? "";
  return (all[index] ?? "")
    .split(redacted)
    .map((text, part, parts) => {
      if (part === parts.length - 1) return literal(text);
      const option = /([A-Za-z][\w.-]*)(?:=|\s+)$/.exec(text)?.[1] ?? /^--?([\w.-]+)$/.exec(before)?.[1] ?? "secret";
      const name = `${service}_${option}`.toUpperCase();
      return literal(text) + variables.reference(service, name, `what followed ${plain(option)} in the command`);
    })
    .join("");
}

function toMount(container: ContainerDefinition, mount: ContainerMount, around: Surroundings): object[] {
  const target = literal(mount.destination);
  const readOnly = mount.writable ? {} : { read_only: true };
  switch (mount.type) {
    case "volume":
      return [{ type: "volume", source: around.volume(container, mount), target, ...readOnly }];
    case "bind":
      around.warn(`${mount.source} of the host is mounted at ${mount.destination}: it has to be there first`);
      return [{ type: "bind", source: literal(mount.source), target, ...readOnly }];
    case "tmpfs":
      return [{ type: "tmpfs", target }];
    case "other":
      around.warn(`what was mounted at ${mount.destination} is of a kind that is not known: mount it by hand`);
      return [];
  }
}

function networking(service: string, container: ContainerDefinition, around: Surroundings): object {
  const { networkMode, networks } = container;
  const shared = /^container:(.*)$/.exec(networkMode)?.[1];
  if (shared !== undefined) {
    const other = around.services.get(shared);
    return { network_mode: other === undefined ? literal(networkMode) : `service:${other}` };
  }
  if (["bridge", "host", "none"].includes(networkMode)) {
    if (networks.length === 0) return { network_mode: networkMode };
    around.warn(`it was on the network "${networkMode}" too, which cannot be had beside others`);
  }
  if (networks.length === 0) {
    around.warn(`it was on no network when it was backed up, but made for "${networkMode}"`);
    return { networks: { [around.network(networkMode)]: {} } };
  }
  const entries = networks.map(({ name, aliases, addresses }) => [
    around.network(name),
    withoutEmpty({
      // Compose adds the service's own.
      aliases: aliases.filter((alias) => alias !== service && alias !== container.name).map(literal),
      ipv4_address: addresses.find((address) => !address.includes(":")),
      ipv6_address: addresses.find((address) => address.includes(":")),
    }),
  ]);
  return { networks: Object.fromEntries(entries) };
}

function toPort({ container, hostAddress, hostPort }: PortBinding): string {
  const address = hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress;
  const host = [...(address === "" ? [] : [address]), ...(address === "" && hostPort === "" ? [] : [hostPort])];
  return [...host, container.replace(/\/tcp$/, "")].join(":");
}

function toHealthCheck(check: HealthCheckDefinition, warn: (message: string) => void): object | undefined {
  const { test, intervalMs, timeoutMs, startPeriodMs, retries } = check;
  if (test === null) {
    warn("its health check is not in the backup, as it might have held a secret");
    return undefined;
  }
  if (test[0] === "NONE") return { disable: true };
  return withoutEmpty({
    test: test.map(literal),
    interval: duration(intervalMs),
    timeout: duration(timeoutMs),
    start_period: duration(startPeriodMs),
    retries: retries ?? undefined,
  });
}

function duration(ms: number | null): string | undefined {
  if (ms === null) return undefined;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function optional(text: string | null): string | undefined {
  return text === null ? undefined : literal(text);
}

/** For messages in references, which end at a brace. */
function plain(name: string): string {
  return name.replaceAll(/[^\w.-]+/g, "_");
}

/** Without what says nothing. An empty command stays: it takes the image's away. */
function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      if (value === undefined) return false;
      return name === "command" || typeof value !== "object" || value === null || Object.keys(value).length > 0;
    }),
  );
}
