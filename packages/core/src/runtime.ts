import type { Bytes } from "./bytes.ts";
import type { ContainerDefinition } from "./container-definition.ts";
import type { JournalOperation, Recoverer } from "./journal-record.ts";
import type { ToolProcess } from "./tool.ts";

/** What a container runtime can do. Adapters choose their method by it: data, not type tests. */
export interface RuntimeCapabilities {
  readonly pause: boolean;
  readonly stop: boolean;
  readonly archive: boolean;
  readonly sidecar: boolean;
  readonly volumes: boolean;
}

/** A container as it was when inspected. */
export interface ContainerInfo {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** The image's name as the container was created with. */
  readonly image: string;
  /** `sha256:…`, what sidecars are made from: the very version that runs. */
  readonly imageId: string;
  readonly state: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  readonly health: "healthy" | "unhealthy" | "starting" | "none";
  readonly startedAt: string;
  /** Holds secrets: never print it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly user: string;
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly ContainerMount[];
  readonly networks: readonly ContainerNetwork[];
  /** `bridge`, a network's name, `host`, `none` or `container:<id>`. */
  readonly networkMode: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Started with `--rm`: stopping it would remove it. */
  readonly autoRemove: boolean;
  /** `kubernetes`, `swarm`, `nomad` …: whoever would start a replacement for a container that stops. */
  readonly orchestrator: string | undefined;
}

/** Whether its processes have ended, or were never begun, and it can be started: not while it restarts over and over. */
export function isStopped({ state }: Pick<ContainerInfo, "state">): boolean {
  return state === "exited" || state === "created";
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface ContainerMount {
  readonly type: "volume" | "bind" | "tmpfs" | "other";
  /** A volume's name or a host path. */
  readonly source: string;
  readonly destination: string;
  readonly writable: boolean;
}

export interface ContainerNetwork {
  readonly name: string;
  readonly address: string;
  readonly aliases: readonly string[];
}

/** A short-lived container of the server's own image that runs one tool. */
export interface SidecarSpec {
  /** Image id: take it from {@link ContainerInfo.imageId}. Never pulled. */
  readonly image: string;
  readonly command: readonly string[];
  /** What it is for, in a label and in the container's name: `pg_dump`. */
  readonly purpose: string;
  /** Secrets go here, never into `command`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Share the network of this container (its id), or have none (the default). */
  readonly networkOf?: string;
  /** Mount what this container (its id) mounts, at the same places. */
  readonly volumesOf?: string;
  /** Existing volumes, by the path they are mounted at; not what `volumesOf` mounts there. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Of both kinds. */
  readonly volumesReadOnly?: boolean;
  /** `uid:gid` or a name; the image's default otherwise. */
  readonly user?: string;
  /** Pumped into standard input, then closed. Without it, an open standard input is the dead-man's switch. */
  readonly stdin?: Bytes;
  readonly signal: AbortSignal;
}

/** A command inside a running container. For tools that are safe there; anything that forks belongs in a sidecar. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly stdin?: Bytes;
  readonly signal: AbortSignal;
}

/** A server that we start for a while: for drills, recoveries, online restores. It can reach nothing outside. */
export interface ThrowawaySpec {
  readonly image: string;
  readonly purpose: string;
  /** The image's own entrypoint and command unless given. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  /** Bytes of memory it may use. */
  readonly memoryLimit?: number;
  /**
   * The running container (its id) that must be able to connect to it: it joins that container's network namespace,
   * so it is reached there at 127.0.0.1, and must listen on a port that is free there. Without it, a fresh internal network.
   */
  readonly networkOf?: string;
  /** Tar archives unpacked into the container, by directory, before it starts. Owners are kept. */
  readonly files?: Readonly<Record<string, Bytes>>;
  /** Existing volumes, by the path they are mounted at, writable: the copies of {@link FrozenCopy}. They outlive the server. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Directories that get a volume of their own each, which begins with what the image has there and goes with the server. */
  readonly freshVolumes?: readonly string[];
  readonly signal: AbortSignal;
}

export interface ThrowawayContainer extends AsyncDisposable {
  readonly id: string;
  inspect(): Promise<ContainerInfo>;
  restart(): Promise<void>;
  /** The last lines of what it logged, for error messages. */
  logs(): Promise<string>;
  /** Whether any of its processes was killed for want of memory, so far. */
  ranOutOfMemory(): Promise<boolean>;
}

/** What to copy while the server stands still. */
export interface FrozenCopySpec {
  readonly container: ContainerInfo;
  /** Absolute paths of directories in the container, on its volumes or bind mounts, none within another. */
  readonly paths: readonly string[];
  /** What it is for, in names: `neo4j`. */
  readonly purpose: string;
  /** Milliseconds that the server may stand still; 10 000 unless given. */
  readonly maxPauseMs?: number;
  /**
   * Copies everything first while the server goes on, so that it stands still only for what changed meanwhile. Changes are told by the times that the kernel
   * gives files, so it is for servers alone that do not write through memory maps, which change a file without a time of their own.
   */
  readonly ahead?: boolean;
  readonly journal: JournalOperation;
  readonly signal: AbortSignal;
}

/**
 * Copies of directories as they all were at one moment: what a power cut would have left, ownership, modes, times and links kept.
 * Disposing removes them, once nothing uses them any more.
 */
export interface FrozenCopy extends AsyncDisposable {
  /**
   * How the server was kept from writing: its processes stopped by signal; `docker pause`, where processes cannot be signalled; or
   * it was `stopped` already.
   */
  readonly method: "sigstop" | "pause" | "stopped";
  /** Milliseconds that the server stood still, as measured; 0 where it was stopped already. */
  readonly frozenMs: number;
  /** ISO 8601. Between these two lies the moment that the copies show. */
  readonly capture: { readonly from: string; readonly to: string };
  /** The volume that holds the copy of each path, at its root: mount it in the path's place. */
  readonly volumes: Readonly<Record<string, string>>;
  /** A tar of the copy of one of the paths; its entries are named from there, `./…`. */
  read(path: string): Bytes;
}

/**
 * What the system needs of Docker. Constructing one does no I/O. Every object that it makes carries the labels
 * `sutazai.backup.role` and `sutazai.backup.owner` (a {@link ProcessIdentity}) from the moment of its creation, so
 * that {@link removeOrphans} finds what a dead process left: for these objects the label *is* the journal.
 *
 * Errors: `connection` (daemon not reachable), `permission` (socket), `not-found` (with the names that look like it),
 * `unsupported`, `cancelled`, `timeout`; each with a hint.
 */
export interface ContainerRuntime extends Recoverer {
  readonly capabilities: RuntimeCapabilities;
  /** What time it is for whoever runs the containers, in milliseconds since 1970: `startedAt` and the like are told by that clock, which need not be this host's. */
  now(): Promise<number>;
  /** All containers, running or not, except those that this system made. */
  list(): Promise<ContainerInfo[]>;
  /** By name or id; throws `not-found`. */
  inspect(reference: string): Promise<ContainerInfo>;
  /** Throws unless it is running and not paused, with a hint that says how to get it there. */
  inspectRunning(reference: string): Promise<ContainerInfo>;
  /** How a container was made, without a secret. Throws `not-found`. */
  definition(reference: string): Promise<ContainerDefinition>;
  sidecar(spec: SidecarSpec): Promise<ToolProcess>;
  throwaway(spec: ThrowawaySpec): Promise<ThrowawayContainer>;
  exec(containerId: string, spec: ExecSpec): Promise<ToolProcess>;
  /** Where a client on this host reaches the port: published port, then the container's own address. Throws `connection`. */
  resolveAddress(container: ContainerInfo, port: number): Promise<Address>;
  /**
   * A tar of a path in a container, running or stopped. While it is read the daemon answers nothing else about that
   * container: ask nothing of it within the loop, and prefer a sidecar for much data.
   */
  readArchive(containerId: string, path: string, signal: AbortSignal): Bytes;
  /** Unpacks a tar into a directory of a container, owners kept. The container is locked meanwhile, as by {@link readArchive}. */
  writeArchive(containerId: string, directory: string, tar: Bytes, signal: AbortSignal): Promise<void>;
  /**
   * Stops a container under the journal: undoing and finishing both start it again. Throws `unsupported` for
   * containers that would vanish or be replaced (`--rm`, orchestrated).
   */
  stop(containerId: string, options: StopOptions): Promise<void>;
  /** Starts a container; a no-op when it runs. */
  start(containerId: string): Promise<void>;
  /**
   * Takes a container off its networks and puts it on a fresh internal one where only this host reaches it, under the journal:
   * undoing and finishing both put it back with its addresses and aliases. Throws `unsupported` where its network cannot be changed (host, none, shared).
   */
  isolate(containerId: string, options: { readonly journal: JournalOperation }): Promise<void>;
  /**
   * Copies directories of a container while none of its processes runs, then lets them go on, whatever becomes of this process: also when it is
   * killed, and at the latest after `maxPauseMs`. The wait for another copy of this process and the check for space come before the server is
   * stopped. A container that does not run is copied as it is.
   *
   * Throws `timeout` where the copy was given up because of `maxPauseMs` (the server goes on; take another method), `no-space`, and
   * `unsupported` for paths in the container's own layer or in memory.
   */
  frozenCopy(spec: FrozenCopySpec): Promise<FrozenCopy>;
  /**
   * Locks a container for one operation, across processes and hosts of this daemon (the name of a container that is
   * created and never started is the lock). Throws `locked`, naming the holder and since when; a dead holder of this host is replaced.
   */
  lock(containerId: string, image: string): Promise<AsyncDisposable>;
  /** Removes a lock whatever its holder; returns whether there was one. */
  unlock(containerId: string): Promise<boolean>;
  /** Removes containers, networks and volumes whose owner was a process of this host that is dead. Returns what it removed. */
  removeOrphans(): Promise<string[]>;
}

export interface StopOptions {
  readonly journal: JournalOperation;
  /** Before the daemon kills it. */
  readonly graceSeconds: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}
