import { Socket } from "node:net";
import { BackupError, isBackupError, redact } from "@sutazai/backup-core";
import pg from "pg";
import { classifyError } from "./classify-error.ts";
import type { Server } from "./server.ts";

const connectTimeoutMs = 10_000;

/** One connection. Disposing closes it; an abort of its signal tears it down at once. */
export class Session implements AsyncDisposable {
  readonly database: string;
  readonly #client: pg.Client;
  readonly #socket: Socket;
  readonly #server: Server;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  constructor(client: pg.Client, socket: Socket, server: Server, database: string, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#socket = socket;
    this.#server = server;
    this.#signal = signal;
    this.database = database;
    this.#onAbort = () => socket.destroy();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    try {
      return (await this.#client.query<Row>(text, [...values])).rows;
    } catch (error) {
      throwIfAborted(this.#signal, this.#server);
      throw failure(error, this.#server, "postgres.query");
    }
  }

  /** Runs statements that take no parameters, one after the other. */
  async execute(statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.query(statement);
  }

  /** Runs `work` as one transaction; rolls back where it throws. */
  async transaction<T>(begin: string, work: () => Promise<T>): Promise<T> {
    await this.query(begin);
    try {
      const result = await work();
      await this.query("COMMIT");
      return result;
    } catch (error) {
      await this.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    // The client waits for a goodbye that a broken connection never says.
    if (!this.#socket.destroyed) await this.#client.end().catch(() => undefined);
    this.#socket.destroy();
  }
}

/** Connects to one database. Throws `authentication`, `connection`, `not-found`, … */
export async function connect(server: Server, database: string, signal?: AbortSignal): Promise<Session> {
  throwIfAborted(signal, server);
  const socket = new Socket();
  const client = new pg.Client({
    host: server.address.host,
    port: server.address.port,
    user: server.user,
    // Not undefined: the client would take PGPASSWORD or ~/.pgpass of whoever runs us.
    password: server.password?.reveal() ?? "",
    database,
    ssl: server.ssl,
    application_name: "sutazai-backup",
    connectionTimeoutMillis: connectTimeoutMs,
    // A database may be set to read-only for its own users; times are to read the same everywhere.
    options: "-c default_transaction_read_only=off -c TimeZone=UTC -c statement_timeout=0 -c search_path=pg_catalog",
    stream: () => socket,
  });
  // A lost connection also fails the query under way, or the next one.
  client.on("error", () => undefined);
  const onAbort = () => socket.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throwIfAborted(signal, server);
    throw failure(error, server, "postgres.connect");
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return new Session(client, socket, server, database, signal);
}

/** Connects to the first database that lets us in: any may be missing, or closed by an operation that was cut short. */
export async function enter(server: Server, signal?: AbortSignal, first: readonly string[] = []): Promise<Session> {
  let refusal: unknown;
  for (const database of [...first, ...server.entrances]) {
    try {
      return await connect(server, database, signal);
    } catch (error) {
      refusal ??= error;
      const code = isBackupError(error) ? error.details["code"] : undefined;
      if (code !== "3D000" && code !== "55000") throw error;
    }
  }
  throw refusal;
}

export const quoteName = (name: string): string => pg.escapeIdentifier(name);
export const quoteText = (text: string): string => pg.escapeLiteral(text);

function failure(error: unknown, server: Server, operation: string): BackupError {
  const found = classifyError(error, { operation, database: server.database });
  const message = redact(found.message, [server.password]);
  if (found.reason !== "authentication" && message === found.message) return found;
  const where = server.container === undefined ? "" : `, or POSTGRES_PASSWORD of container ${server.container.name},`;
  return new BackupError(found.reason, message, {
    ...found.toJSON(),
    ...(found.reason === "authentication" && {
      hint: `the server refuses user "${server.user}": set \`user\` and \`password\` of database "${server.database}"${where} to what the server expects`,
    }),
    cause: error,
  });
}

function throwIfAborted(signal: AbortSignal | undefined, { database }: Server): void {
  if (signal?.aborted !== true) return;
  throw isBackupError(signal.reason)
    ? signal.reason
    : new BackupError("cancelled", "cancelled before it had finished", { operation: "postgres.query", database });
}
