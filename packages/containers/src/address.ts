import { connect } from "node:net";
import { BackupError, type Address, type ContainerInfo } from "@sutazai/backup-core";
import type { Engine } from "./engine.ts";

const connectTimeoutMs = 2_000;
const startUpSeconds = 120;

/** Where a client on this host may reach a port of the container, best first. */
export function candidateAddresses(container: ContainerInfo, port: number, remoteHost: string | undefined): Address[] {
  const published = container.ports
    .filter(({ containerPort }) => containerPort === port)
    .flatMap(({ hostAddress, hostPort }) => {
      const host = clientAddressOf(hostAddress, remoteHost);
      return host === undefined ? [] : [{ host, port: hostPort }];
    });
  const own = container.networks
    .filter(({ address }) => address !== "")
    .map(({ address }) => ({ host: address, port }));
  const host = container.networkMode === "host" ? [{ host: remoteHost ?? "127.0.0.1", port }] : [];
  const all = [...published, ...host, ...(remoteHost === undefined ? own : [])];
  return all.filter((each, index) => all.findIndex((other) => sameAddress(other, each)) === index);
}

/** The first candidate that takes a connection. */
export async function resolveAddress({ remoteHost }: Engine, container: ContainerInfo, port: number): Promise<Address> {
  const candidates = candidateAddresses(container, port, remoteHost);
  for (const candidate of candidates) {
    if (await accepts(candidate)) return candidate;
  }
  const tried = candidates.map((each) => `${each.host}:${each.port}`).join(", ");
  throw new BackupError(
    "connection",
    tried === ""
      ? `port ${port} of container ${container.name} cannot be reached: it is not published, and the container has no address of its own`
      : `port ${port} of container ${container.name} does not answer at ${tried}`,
    {
      operation: "containers.resolveAddress",
      hint: `${justStarted(container)}see whether the server listens there; else publish the port (\`--publish 127.0.0.1:${port}:${port}\`) or name the address in the configuration`,
      details: { container: container.name, port, tried: candidates },
    },
  );
}

/** Most servers that do not answer are on their way up. */
function justStarted({ startedAt }: ContainerInfo): string {
  const seconds = Math.round((Date.now() - Date.parse(startedAt)) / 1000);
  return seconds >= 0 && seconds < startUpSeconds
    ? `it was started ${seconds} s ago: wait a little, and try again; or `
    : "";
}

/** What the address that a server binds is to its clients; undefined where it is a remote host's loopback. */
function clientAddressOf(hostAddress: string, remoteHost: string | undefined): string | undefined {
  if (hostAddress === "" || hostAddress === "0.0.0.0") return remoteHost ?? "127.0.0.1";
  if (hostAddress === "::") return remoteHost ?? "::1";
  const isLoopback = hostAddress === "::1" || hostAddress.startsWith("127.");
  return remoteHost !== undefined && isLoopback ? undefined : hostAddress;
}

function sameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

function accepts({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(connectTimeoutMs, () => settle(false));
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
