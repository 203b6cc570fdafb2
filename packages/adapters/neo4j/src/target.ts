import { posix } from "node:path";
import {
  isStopped,
  BackupError,
  Secret,
  type Address,
  type ContainerInfo,
  type ContainerRuntime,
} from "@sutazai/backup-core";
import type { Neo4jOptions } from "./options.ts";

export const boltPort = 7687;

/** Where the server is and how it lets one in. */
export interface Target {
  /** The configured name, for errors. */
  readonly database: string;
  readonly container: ContainerInfo | undefined;
  readonly address: Address;
  /** None where the server asks for none. */
  readonly credentials: { readonly username: string; readonly password: Secret } | undefined;
  readonly tls: NonNullable<Neo4jOptions["tls"]>;
}

/** Where a server's data is, whether that runs or not. */
export type Site = Omit<Target, "address">;

/** Finds the server: the container, where one is named, must run. Explicit settings win over what is found in it. */
export async function locate(options: Neo4jOptions, database: string, containers: ContainerRuntime): Promise<Target> {
  const container = options.container === undefined ? undefined : await containers.inspectRunning(options.container);
  if (container === undefined && options.host === undefined) {
    throw new BackupError("configuration", `nothing says where the database ${database} is`, {
      operation: "neo4j.locate",
      database,
      hint: "give one of the settings `container` and `host`",
    });
  }
  const port = options.port ?? boltPort;
  return {
    database,
    container,
    address:
      options.host === undefined && container !== undefined
        ? await containers.resolveAddress(container, port)
        : { host: options.host ?? "127.0.0.1", port },
    credentials: credentialsOf(options, container),
    tls: options.tls ?? false,
  };
}

/** The server's container where that does not run; undefined otherwise. */
export async function stoppedSite(
  options: Neo4jOptions,
  database: string,
  containers: ContainerRuntime,
): Promise<Site | undefined> {
  if (options.container === undefined) return undefined;
  const container = await containers.inspect(options.container);
  if (!isStopped(container)) return undefined;
  return { database, container, credentials: credentialsOf(options, container), tls: options.tls ?? false };
}

/** One of which the container is known: everything but reading over Bolt needs its files. */
export type ContainerSite = Site & { readonly container: ContainerInfo };

/** Throws `unsupported` where only an address is known. */
export function withContainer(target: Site): ContainerSite {
  if (target.container !== undefined) return { ...target, container: target.container };
  throw new BackupError("unsupported", "the server's files can only be reached through its container", {
    operation: "neo4j.container",
    database: target.database,
    hint: "give the setting `container`, or take the method export, which needs an address only",
  });
}

/** The container's directory of data. Throws `unsupported` where it is not on a volume. */
export function dataDirectoryOf({ name, mounts, environment }: ContainerInfo): string {
  const configured = environment["NEO4J_server_directories_data"] ?? environment["NEO4J_dbms_directories_data"];
  const directory = posix.normalize(configured ?? "/data").replace(/(.)\/$/, "$1");
  const isMounted = mounts.some(
    ({ type, destination }) =>
      (type === "volume" || type === "bind") &&
      (directory === destination || directory.startsWith(`${destination.replace(/\/$/, "")}/`)),
  );
  if (isMounted) return directory;
  throw new BackupError("unsupported", `${directory} of container ${name} is not on a volume`, {
    operation: "neo4j.locate",
    hint: `mount a volume at ${directory}; what is in the container's own layer is lost with it`,
  });
}

function credentialsOf(options: Neo4jOptions, container: ContainerInfo | undefined): Target["credentials"] {
  const found = container?.environment["NEO4J_AUTH"] ?? "";
  const [user = "", ...rest] = found.split("/");
  // `neo4j/password/true`: to be changed at the first login.
  const password = rest.join("/").replace(/\/(true|false)$/, "");
  if (options.password !== undefined) {
    return {
      username: options.user ?? (user === "none" || user === "" ? "neo4j" : user),
      password: options.password,
    };
  }
  if (password === "") return undefined;
  return { username: options.user ?? user, password: new Secret(password) };
}
