import {
  BackupError,
  Secret,
  textOf,
  type Address,
  type ContainerInfo,
  type ContainerRuntime,
} from "@sutazai/backup-core";
import type { PostgresOptions } from "./options.ts";

/** Everything needed to talk to one server, settled once per operation. */
export interface Server {
  /** The configured name, for errors. */
  readonly database: string;
  readonly container: ContainerInfo | undefined;
  /** What two operations must not touch at once. */
  readonly resource: string;
  /** Where a client on this host reaches it. */
  readonly address: Address;
  /** Where a sidecar on the server's own network reaches it. */
  readonly sidecarAddress: Address;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly ssl: boolean | { readonly rejectUnauthorized: boolean };
  /** As libpq has it. */
  readonly sslMode: string | undefined;
  /** Databases to connect to, best first: any of them may be missing or closed. */
  readonly entrances: readonly string[];
}

const defaultContainer = "sutazai-postgres";
const defaultPort = 5432;

/** Finds out how the server is reached. Throws `not-found`, `connection`, `configuration`. */
export async function resolveServer(
  options: PostgresOptions,
  containers: ContainerRuntime,
  database: string,
): Promise<Server> {
  const url = options.url === undefined ? undefined : parseUrl(options.url, database);
  const host = options.host ?? url?.host;
  const reference = options.container ?? (host === undefined ? defaultContainer : undefined);
  const container = reference === undefined ? undefined : await containers.inspectRunning(reference);
  const environment = container === undefined ? {} : await readEnvironment(container, containers);
  const user = options.user ?? url?.user ?? environment["POSTGRES_USER"] ?? "postgres";
  const givenPassword = options.password ?? url?.password;
  const foundPassword = environment["POSTGRES_PASSWORD"];
  const serverPort = container === undefined ? defaultPort : Number(environment["PGPORT"] ?? defaultPort);
  const port = options.port ?? url?.port ?? serverPort;
  const address =
    host !== undefined
      ? { host, port }
      : await containers.resolveAddress(required(container), options.port ?? serverPort);
  const sslMode = url?.sslMode;
  return {
    database,
    container,
    resource: container?.id ?? `postgresql://${address.host}:${address.port}`,
    address,
    sidecarAddress: sidecarAddress(container, host === undefined ? port : serverPort) ?? address,
    user,
    password: givenPassword ?? (foundPassword === undefined ? undefined : new Secret(foundPassword)),
    ssl: sslMode === undefined || sslMode === "disable" ? false : { rejectUnauthorized: sslMode.startsWith("verify") },
    sslMode,
    entrances: unique([
      options.maintenanceDatabase,
      url?.database,
      "postgres",
      environment["POSTGRES_DB"],
      user,
      "template1",
    ]),
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a server without a host always has a container");
  return value;
}

// Not loopback: there the official image lets anybody in, and a wrong password would go unnoticed.
function sidecarAddress(container: ContainerInfo | undefined, port: number): Address | undefined {
  const own = container?.networks.find(({ address }) => address !== "")?.address;
  return own === undefined ? undefined : { host: own, port };
}

/** The container's environment, with `POSTGRES_*_FILE` replaced by what those files hold. */
async function readEnvironment(
  container: ContainerInfo,
  containers: ContainerRuntime,
): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = { ...container.environment };
  for (const name of ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"]) {
    const path = container.environment[`${name}_FILE`];
    if (found[name] !== undefined || path === undefined) continue;
    const tool = await containers.exec(container.id, { command: ["cat", path], signal: AbortSignal.timeout(10_000) });
    found[name] = (await textOf(tool, { tool: "cat", operation: "postgres.connect" }, 64 * 1024)).replace(/\n+$/, "");
  }
  return found;
}

interface ParsedUrl {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly database: string | undefined;
  readonly sslMode: string | undefined;
}

function parseUrl(text: string, database: string): ParsedUrl {
  try {
    const url = new URL(text);
    const given = (value: string) => (value === "" ? undefined : decodeURIComponent(value));
    const password = given(url.password);
    return {
      host: given(url.hostname)?.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? undefined : Number(url.port),
      user: given(url.username),
      password: password === undefined ? undefined : new Secret(password),
      database: given(url.pathname.slice(1)),
      sslMode: url.searchParams.get("sslmode") ?? undefined,
    };
  } catch {
    // The text is not quoted: it may hold a password.
    throw new BackupError("configuration", "`url` is not a PostgreSQL URL", {
      operation: "postgres.connect",
      database,
      hint: "write it as postgresql://user@host:5432/database, special characters percent-encoded, and give `password` apart",
    });
  }
}

function unique(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}
