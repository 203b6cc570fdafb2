import { z } from "zod";
import { listOf, recordOf } from "./json.ts";
import type { ContainerMount } from "./runtime.ts";

/**
 * How a container was made, so that it can be made again: what was said when it was created, beyond what its image says
 * itself. It holds no secret: where a value might be one, `null` stands in its place (in a command, `**redacted**`).
 */
export interface ContainerDefinition {
  readonly name: string;
  /** The image's name as the container was created with. */
  readonly image: string;
  /** `sha256:…`: what ran. A registry does not know it by this. */
  readonly imageId: string;
  /** `repository@sha256:…`: the very image, as a registry hands it out; null for one that was built here. */
  readonly imageDigest: string | null;
  /** Null: the image's own. */
  readonly entrypoint: readonly string[] | null;
  /** Null: the image's own. */
  readonly command: readonly string[] | null;
  /** Null: the image's own. */
  readonly user: string | null;
  /** Null: the image's own. */
  readonly workingDirectory: string | null;
  /** Null: the one that Docker chooses. */
  readonly hostname: string | null;
  /** By name; null for a value that is not kept. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** By name; null for a value that is not kept. */
  readonly labels: Readonly<Record<string, string | null>>;
  readonly mounts: readonly ContainerMount[];
  /** Those of its volumes that are made in another way than `docker volume create` makes them, by name. */
  readonly volumes: Readonly<Record<string, VolumeDefinition>>;
  /** Directories in memory, with their options, by path. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** `bridge`, a network's name, `host`, `none` or `container:<name>`. */
  readonly networkMode: string;
  readonly networks: readonly NetworkDefinition[];
  readonly ports: readonly PortBinding[];
  /** As `docker run --restart` takes it: `no`, `always`, `unless-stopped`, `on-failure:3`. */
  readonly restart: string;
  /** Null: the image's own. */
  readonly healthCheck: HealthCheckDefinition | null;
  /** Null: the image's own. */
  readonly stopSignal: string | null;
  /** Null: Docker's ten seconds. */
  readonly stopTimeoutSeconds: number | null;
  /** Bytes of memory it may use; null for no limit. */
  readonly memoryLimit: number | null;
  /** Processors it may use: `1.5`; null for no limit. */
  readonly cpus: number | null;
  /** Bytes of `/dev/shm`; null for Docker's 64 MiB. */
  readonly sharedMemory: number | null;
  /** A process of Docker's own starts and reaps the others. */
  readonly init: boolean;
  readonly readOnly: boolean;
  /** Names of settings, as `docker inspect` calls them, that were made for this container too and are not kept. */
  readonly notKept: readonly string[];
}

export interface VolumeDefinition {
  readonly driver: string;
  /** By name; null for a value that is not kept. */
  readonly options: Readonly<Record<string, string | null>>;
}

export interface NetworkDefinition {
  readonly name: string;
  /** What the container is called there besides its name. */
  readonly aliases: readonly string[];
  /** Addresses that were chosen for it; those that Docker gave out are not kept. */
  readonly addresses: readonly string[];
  readonly driver: string;
  /** Nothing on it reaches the outside. */
  readonly internal: boolean;
  /** What chosen addresses were chosen from; empty where there is none. */
  readonly subnets: readonly string[];
}

/** A published port as it was asked for. */
export interface PortBinding {
  /** `5432/tcp`. */
  readonly container: string;
  /** Empty: every address of the host. */
  readonly hostAddress: string;
  /** A port or a range; empty: whichever is free. */
  readonly hostPort: string;
}

/** Null: Docker's default, or the image's. Times are milliseconds. */
export interface HealthCheckDefinition {
  /** As Docker takes it: `["CMD", …]`, `["CMD-SHELL", "…"]`, `["NONE"]`; null where it might hold a secret. */
  readonly test: readonly string[] | null;
  readonly intervalMs: number | null;
  readonly timeoutMs: number | null;
  readonly startPeriodMs: number | null;
  readonly retries: number | null;
}

const values = recordOf(z.string().nullable());
const words = listOf(z.string());
const amount = z.number().nonnegative().nullable();

export const containerDefinitionSchema: z.ZodType<ContainerDefinition> = z.strictObject({
  name: z.string(),
  image: z.string(),
  imageId: z.string(),
  imageDigest: z.string().nullable(),
  entrypoint: words.nullable(),
  command: words.nullable(),
  user: z.string().nullable(),
  workingDirectory: z.string().nullable(),
  hostname: z.string().nullable(),
  environment: values,
  labels: values,
  mounts: listOf(
    z.strictObject({
      type: z.enum(["volume", "bind", "tmpfs", "other"]),
      source: z.string(),
      destination: z.string(),
      writable: z.boolean(),
    }),
  ),
  volumes: recordOf(z.strictObject({ driver: z.string(), options: values })),
  tmpfs: recordOf(z.string()),
  networkMode: z.string(),
  networks: listOf(
    z.strictObject({
      name: z.string(),
      aliases: words,
      addresses: words,
      driver: z.string(),
      internal: z.boolean(),
      subnets: words,
    }),
  ),
  ports: listOf(z.strictObject({ container: z.string(), hostAddress: z.string(), hostPort: z.string() })),
  restart: z.string(),
  healthCheck: z
    .strictObject({
      test: words.nullable(),
      intervalMs: amount,
      timeoutMs: amount,
      startPeriodMs: amount,
      retries: amount,
    })
    .nullable(),
  stopSignal: z.string().nullable(),
  stopTimeoutSeconds: amount,
  memoryLimit: amount,
  cpus: amount,
  sharedMemory: amount,
  init: z.boolean(),
  readOnly: z.boolean(),
  notKept: words,
});
