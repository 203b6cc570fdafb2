import Docker from "dockerode";
import { limitAnswers } from "./answer-limit.ts";
import { Turns } from "./turns.ts";

export interface DockerRuntimeOptions {
  /** The daemon's socket; `DOCKER_HOST`, else the platform's usual place. */
  readonly socketPath?: string;
  /** The daemon's address as in `DOCKER_HOST`: `tcp://host:2376`, `unix:///run/docker.sock`. */
  readonly host?: string;
  /** Bytes of memory a sidecar may use, and a throwaway container that names no limit of its own. 2 GiB unless given. */
  readonly memoryLimit?: number;
  /** How many containers may stand still for a copy at once. 1 unless given. */
  readonly frozenAtOnce?: number;
  /** Milliseconds for which the daemon may leave a request without an answer. 120,000 unless given. */
  readonly answerLimitMs?: number;
}

/** The daemon, as every part of this package needs it. */
export interface Engine {
  readonly docker: Docker;
  /** How to reach it, where that was said: for a process that has to reach it by itself. */
  readonly connection: Docker.DockerOptions | undefined;
  /** The host that published ports are on, where it is not this one. */
  readonly remoteHost: string | undefined;
  readonly memoryLimit: number;
  readonly freezing: Turns;
}

/** Opens nothing: the first request does. */
export function engine(options: DockerRuntimeOptions = {}): Engine {
  const connection = connectionOf(options);
  const docker = new Docker(connection);
  limitAnswers(docker, options.answerLimitMs ?? 120_000);
  const { host } = docker.modem as { host?: string };
  const local = host === undefined || ["localhost", "127.0.0.1", "::1"].includes(host.replaceAll(/[[\]]/g, ""));
  return {
    docker,
    connection,
    remoteHost: local ? undefined : host,
    memoryLimit: options.memoryLimit ?? 2 * 1024 ** 3,
    freezing: new Turns(options.frozenAtOnce ?? 1),
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
