import { BackupError, redact, toBackupError } from "@sutazai/backup-core";
import neo4j, { type Driver, type Record as BoltRecord, type Session } from "neo4j-driver";
import { classifyError } from "./classify-error.ts";
import type { Target } from "./target.ts";

const connectTimeoutMs = 10_000;
/** Records that the server sends ahead: what is held in memory at once. */
const fetchSize = 500;

type Row = Readonly<Record<string, unknown>>;

/** A connection to a Neo4j server over Bolt. Integers come as `bigint`. Errors are `BackupError`s. */
export class Server implements AsyncDisposable {
  readonly #driver: Driver;
  readonly #target: Target;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  private constructor(driver: Driver, target: Target, signal: AbortSignal | undefined) {
    this.#driver = driver;
    this.#target = target;
    this.#signal = signal;
    // What waits for it rejects then.
    this.#onAbort = () => void driver.close().catch(() => undefined);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Connects and authenticates. An abort of the signal closes the connection. */
  static async connect(target: Target, signal?: AbortSignal): Promise<Server> {
    signal?.throwIfAborted();
    const { host, port } = target.address;
    const server = new Server(
      neo4j.driver(
        `bolt${schemes[String(target.tls)]}://${host.includes(":") ? `[${host}]` : host}:${port}`,
        authOf(target),
        {
          useBigInt: true,
          fetchSize,
          connectionTimeout: connectTimeoutMs,
          connectionAcquisitionTimeout: connectTimeoutMs * 2,
          maxConnectionPoolSize: 4,
          telemetryDisabled: true,
          notificationFilter: { minimumSeverityLevel: "OFF" },
        },
      ),
      target,
      signal,
    );
    try {
      // The driver itself would tell nothing of the database that a wrong password was meant for.
      await server.rows("system", "SHOW DEFAULT DATABASE YIELD name");
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The rows of a small result. */
  async rows<Fields extends Row = Row>(database: string, query: string, parameters: Row = {}): Promise<Fields[]> {
    const session = this.#session(database);
    try {
      const { records } = await session.run<Fields>(query, parameters);
      return records.map((record) => record.toObject());
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await session.close().catch(() => undefined);
    }
  }

  /** Hands each row of a result of any size to `take`, as it comes. */
  async each(database: string, query: string, take: (row: BoltRecord) => void): Promise<void> {
    const session = this.#session(database);
    try {
      await new Promise<void>((resolve, reject) => {
        session.run(query).subscribe({
          onNext: (record: BoltRecord) => {
            try {
              take(record);
            } catch (error) {
              reject(error);
              this.#onAbort();
            }
          },
          onCompleted: () => resolve(),
          onError: reject,
        });
      });
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await session.close().catch(() => undefined);
    }
  }

  /** The rows of a result of any size, asked for as they are wanted. */
  async *stream<Fields extends Row>(database: string, query: string): AsyncGenerator<Fields, void, undefined> {
    const session = this.#session(database);
    try {
      for await (const record of session.run<Fields>(query)) yield record.toObject();
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await session.close().catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#driver.close().catch(() => undefined);
  }

  #session(database: string): Session {
    return this.#driver.session({ database, defaultAccessMode: neo4j.session.READ, fetchSize });
  }

  #failure(thrown: unknown): BackupError {
    const { database, credentials } = this.#target;
    const context = { operation: "neo4j.query", database };
    if (this.#signal?.aborted === true) return toBackupError(this.#signal.reason, context);
    const error = classifyError(thrown, context);
    const message = redact(error.message, [credentials?.password]);
    return message === error.message ? error : new BackupError(error.reason, message, { ...error.toJSON() });
  }
}

const schemes: Readonly<Record<string, string>> = { false: "", true: "+s", unverified: "+ssc" };

function authOf({ credentials }: Target): ReturnType<typeof neo4j.auth.basic> | undefined {
  return credentials === undefined ? undefined : neo4j.auth.basic(credentials.username, credentials.password.reveal());
}
