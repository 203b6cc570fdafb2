import { BackupError, type Secret } from "@sutazai/backup-core";
import { Redis } from "ioredis";
import { Client } from "pg";

/** Where a server that was started for a test answers, from this host. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
}

/** What starting a server of one kind takes. */
export interface ServerKind {
  /** Pinned; the default wherever it can be had. None where nobody publishes one. */
  readonly official?: string;
  /** Of the stand-in, built from `tests/images/<kind>`. */
  readonly standIn: string;
  /** What the stand-in is, where it is not the real server built from Debian packages. */
  readonly standInIs?: string;
  readonly port: number;
  /** Where the server keeps its data. */
  readonly dataDirectory: string;
  readonly user: string;
  readonly environment: (password: string) => Record<string, string>;
  readonly command: (password: string) => string[];
  /** Rejects unless the server answers a question now. */
  readonly ask: (address: ServerAddress) => Promise<void>;
}

export type ServerKindName = "postgres" | "redis" | "qdrant" | "faiss";

// Servers are killed, stopped and cut off between two questions: a connection kept for the next would be a dead one.
const oneConnection = { connection: "close" };

/** The servers that tests can start. Images are chosen here and nowhere else. */
export const serverKinds: Readonly<Record<ServerKindName, ServerKind>> = {
  postgres: {
    official: "docker.io/library/postgres:17.6",
    standIn: "17",
    port: 5432,
    dataDirectory: "/var/lib/postgresql/data",
    user: "postgres",
    environment: (password) => ({ POSTGRES_PASSWORD: password }),
    command: () => ["postgres"],
    async ask(address) {
      await using connection = await connectPostgres(address);
      await connection.client.query("SELECT 1");
    },
  },
  redis: {
    official: "docker.io/library/redis:8.2.1",
    standIn: "8",
    port: 6379,
    dataDirectory: "/data",
    user: "default",
    environment: () => ({}),
    command: (password) => ["redis-server", "--requirepass", password],
    async ask(address) {
      await using connection = await connectRedis(address);
      await connection.client.ping();
    },
  },
  qdrant: {
    official: "docker.io/qdrant/qdrant:v1.19.0",
    standIn: "1.19",
    standInIs: "a program that answers as the server was recorded to answer",
    port: 6333,
    dataDirectory: "/qdrant/storage",
    user: "",
    // Beside the collections, on the same volume: by default snapshots are in the container's own layer.
    environment: (password) => ({
      QDRANT__SERVICE__API_KEY: password,
      QDRANT__STORAGE__SNAPSHOTS_PATH: "/qdrant/storage/snapshots",
      QDRANT__TELEMETRY_DISABLED: "true",
    }),
    command: () => ["./entrypoint.sh"],
    async ask(address) {
      await askQdrant(address, "GET", "/readyz");
      await askQdrant(address, "GET", "/collections");
    },
  },
  faiss: {
    standIn: "trixie",
    standInIs: "a service that owns index files, as FAISS is a library and has no server",
    port: 8000,
    dataDirectory: "/data",
    user: "",
    environment: () => ({}),
    command: () => ["faiss-service"],
    async ask(address) {
      await askFaiss(address, "GET", "/health");
    },
  },
};

export interface Connection<Client> extends AsyncDisposable {
  readonly client: Client;
}

/** A client of a test server; disposing closes it. */
export async function connectPostgres(
  address: ServerAddress,
  database: string = "postgres",
): Promise<Connection<Client>> {
  const { host, port, user } = address;
  const client = new Client({ host, port, user, password: address.password.reveal(), database });
  // A server that is stopped under an idle connection is told by the next query; without a listener it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

/** A client of a test server that does not try again; disposing closes it. */
export async function connectRedis(address: ServerAddress, database: number = 0): Promise<Connection<Redis>> {
  const client = new Redis({
    host: address.host,
    port: address.port,
    password: address.password.reveal(),
    db: database,
    lazyConnect: true,
    connectTimeout: 5_000,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const loading = /^loading:1/m.test(await client.info("persistence"));
    if (loading) throw new BackupError("connection", "the server is still loading its data");
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.quit().catch(() => undefined);
      client.disconnect();
    },
  };
}

/** One call of a Qdrant test server: the body as JSON, or as a text that is JSON already. Rejects unless it is answered with success. */
export async function askQdrant<Result = unknown>(
  { host, port, password }: ServerAddress,
  method: string,
  path: string,
  body?: object | string,
): Promise<Result> {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method,
    headers: { ...oneConnection, "api-key": password.reveal(), "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new BackupError("unknown", `${method} ${path} was answered with ${response.status}: ${text}`);
  return (
    response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text).result : text
  ) as Result;
}

/** One call of a FAISS test service: the body as JSON, or as it is. Rejects unless it is answered with success. */
export async function askFaiss<Result = unknown>(
  { host, port }: ServerAddress,
  method: string,
  path: string,
  body?: object | Uint8Array<ArrayBuffer>,
): Promise<Result> {
  const response = await fetch(`http://${host}:${port}${path}`, {
    method,
    headers: oneConnection,
    ...(body !== undefined && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new BackupError("unknown", `${method} ${path} was answered with ${response.status}: ${text}`);
  return JSON.parse(text) as Result;
}
