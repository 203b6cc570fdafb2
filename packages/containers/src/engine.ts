import Docker from "dockerode";

export interface DockerRuntimeOptions {
  /** The daemon's socket; `DOCKER_HOST`, else the platform's usual place. */
  readonly socketPath?: string;
  /** The daemon's address as in `DOCKER_HOST`: `tcp://host:2376`, `unix:///run/docker.sock`. */
  readonly host?: string;
  /** Bytes of memory a sidecar may use, and a throwaway container that names no limit of its own. 2 GiB unless given. */
  readonly memoryLimit?: number;
}

/** The daemon, as every part of this package needs it. */
export interface Engine {
  readonly docker: Docker;
  /** The host that published ports are on, where it is not this one. */
  readonly remoteHost: string | undefined;
  readonly memoryLimit: number;
}

/** Opens nothing: the first request does. */
export function engine(options: DockerRuntimeOptions = {}): Engine {
  const docker = new Docker(connectionOf(options));
  const { host } = docker.modem as { host?: string };
  const local = host === undefined || ["localhost", "127.0.0.1", "::1"].includes(host.replaceAll(/[[\]]/g, ""));
  return {
    docker,
    remoteHost: local ? undefined : host,
    memoryLimit: options.memoryLimit ?? 2 * 1024 ** 3,
  };
}

function connectionOf({ socketPath, host }: DockerRuntimeOptions): Docker.DockerOptions | undefined {
  if (socketPath !== undefined) return { socketPath };
  if (host === undefined) return undefined;
  if (host.startsWith("unix://")) return { socketPath: host.slice("unix://".length) };
  if (host.startsWith("npipe://")) return { socketPath: host.slice("npipe://".length) };
  const url = new URL(host.includes("//") ? host : `tcp://${host}`);
  return {
    host: url.hostname,
    port: url.port === "" ? 2375 : Number(url.port),
    protocol: url.port === "2376" ? "https" : "http",
  };
}
