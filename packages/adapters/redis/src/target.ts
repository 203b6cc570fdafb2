import { BackupError, Secret, type Address, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import type { ConnectionOptions } from "node:tls";
import type { RedisOptions } from "./options.ts";

const defaultPort = 6379;

/** Where the server is and how it lets one in. */
export interface Target {
  /** The configured name, for errors. */
  readonly database: string;
  readonly address: Address;
  readonly container: ContainerInfo | undefined;
  readonly username: string | undefined;
  readonly password: { readonly value: Secret; readonly isFound: boolean } | undefined;
  readonly tls: ConnectionOptions | undefined;
  readonly commands: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Finds the server: the container, where one is named, must run. Explicit settings win over what is found in it. */
export async function locate(options: RedisOptions, database: string, containers: ContainerRuntime): Promise<Target> {
  const container = options.container === undefined ? undefined : await containers.inspectRunning(options.container);
  const url = options.url === undefined ? undefined : new URL(options.url);
  const host = options.host ?? url?.hostname;
  const port = options.port ?? (url === undefined || url.port === "" ? undefined : Number(url.port));
  if (container === undefined && host === undefined) {
    throw new BackupError("configuration", `nothing says where the database ${database} is`, {
      operation: "redis.locate",
      database,
      hint: "give one of the settings `container`, `url` and `host`",
    });
  }
  const address =
    host === undefined && container !== undefined
      ? await containers.resolveAddress(container, port ?? portIn(container))
      : { host: host ?? "127.0.0.1", port: port ?? defaultPort };
  return targetOf({ ...options, tls: options.tls ?? url?.protocol === "rediss:" }, database, container, address);
}

function targetOf(
  options: RedisOptions,
  database: string,
  container: ContainerInfo | undefined,
  address: Address,
): Target {
  const found = container === undefined ? undefined : passwordIn(container);
  const password = options.password ?? found;
  const wantsTls = options.tls ?? false;
  return {
    database,
    address,
    container,
    username: options.username,
    password: password === undefined ? undefined : { value: password, isFound: options.password === undefined },
    tls: wantsTls === false ? undefined : wantsTls === true ? {} : wantsTls,
    commands: options.commands,
  };
}

/** A server whose container does not run, for when it is started. */
export function locateStopped(options: RedisOptions, database: string, container: ContainerInfo): Target {
  const address = { host: options.host ?? "127.0.0.1", port: options.port ?? portIn(container) };
  return targetOf(options, database, container, address);
}

/** The server's container. Throws `unsupported` where only an address is known. */
export function containerOf(target: Target): ContainerInfo {
  if (target.container !== undefined) return target.container;
  throw new BackupError("unsupported", "the server's files can only be reached through its container", {
    operation: "redis.container",
    database: target.database,
    hint: "give the setting `container`: the name of the container that the server runs in",
  });
}

function passwordIn({ command, environment }: ContainerInfo): Secret | undefined {
  const value = optionIn(command, "--requirepass") ?? environment["REDIS_PASSWORD"] ?? environment["VALKEY_PASSWORD"];
  return value === undefined || value === "" ? undefined : new Secret(value);
}

export function portIn({ command }: ContainerInfo): number {
  const port = Number(optionIn(command, "--port") ?? defaultPort);
  return Number.isInteger(port) && port > 0 ? port : defaultPort;
}

/** The value after an option of the server's command line; what a shell would still have to expand is not known. */
function optionIn(command: readonly string[], option: string): string | undefined {
  const exact = command.indexOf(option);
  const words = exact === -1 ? command.join(" ").split(/\s+/) : command;
  const value = words[words.indexOf(option) + 1];
  if (!words.includes(option) || value === undefined) return undefined;
  const plain = exact === -1 ? value.replace(/^(["'])(.*)\1$/, "$2") : value;
  return plain.startsWith("$") ? undefined : plain;
}
