import { BackupError, redact, toBackupError, type Secret } from "@sutazai/backup-core";
import { Redis } from "ioredis";
import { classifyError } from "./classify-error.ts";
import type { Target } from "./target.ts";

const connectTimeout = 10_000;

/** Sections of INFO, flat: every line's name and value. */
export type Info = Readonly<Record<string, string>>;

/** A connection to the server. Errors are `BackupError`s; a lost connection fails what waits for it, it is never made again silently. */
export class Server implements AsyncDisposable {
  readonly #client: Redis;
  readonly #target: Target;
  readonly #release: () => void;

  private constructor(client: Redis, target: Target, release: () => void) {
    this.#client = client;
    this.#target = target;
    this.#release = release;
  }

  /** Connects and authenticates. An abort of the signal closes the connection: what waits for it rejects with `cancelled`. */
  static async connect(target: Target, signal?: AbortSignal): Promise<Server> {
    const client = new Redis({
      host: target.address.host,
      port: target.address.port,
      ...(target.tls !== undefined && { tls: target.tls }),
      lazyConnect: true,
      connectTimeout,
      // Told here what goes wrong instead: no second connection, no command of the client's own.
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableReadyCheck: false,
      disableClientInfo: true,
      protocol: 2,
    });
    let lastError: Error | undefined;
    client.on("error", (error: Error) => (lastError = error));
    const onAbort = (): void => client.disconnect();
    signal?.addEventListener("abort", onAbort, { once: true });
    const server = new Server(client, { ...target, signal }, () => signal?.removeEventListener("abort", onAbort));
    try {
      signal?.throwIfAborted();
      await client.connect().catch((error: unknown) => {
        throw lastError ?? error;
      });
      await server.#authenticate();
      return server;
    } catch (error) {
      server.#close();
      throw server.#failure(error, "redis.connect");
    }
  }

  /** Sends a command by its own name; where the server calls it something else, by that. */
  async call(command: string, ...parameters: (string | number)[]): Promise<unknown> {
    const [reply] = await this.pipeline([[command, ...parameters]]);
    return reply;
  }

  /** Sends commands together: the server runs them one after the other with nothing of others in between, as a rule. Throws for the first that fails. */
  async pipeline(commands: readonly (readonly (string | number)[])[]): Promise<unknown[]> {
    try {
      const pipeline = this.#client.pipeline();
      for (const [command, ...parameters] of commands) pipeline.call(this.#nameOf(String(command)), ...parameters);
      const replies = (await pipeline.exec()) ?? [];
      if (replies.length < commands.length) throw new Error("Connection is closed");
      return replies.map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    } catch (error) {
      throw this.#failure(error, `redis.${String(commands[0]?.[0]).toLowerCase()}`);
    }
  }

  async info(...sections: string[]): Promise<Info> {
    const texts = await this.pipeline(sections.map((section) => ["INFO", section]));
    return parseInfo(texts.map(String).join("\n"));
  }

  /** Settings by name; one that this version does not have is missing. */
  async settings(...names: string[]): Promise<Record<string, string>> {
    const replies = await this.pipeline(names.map((name) => ["CONFIG", "GET", name]));
    return Object.fromEntries(
      replies.filter((reply): reply is [string, string] => Array.isArray(reply) && reply.length >= 2),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  async #authenticate(): Promise<void> {
    const { username, password } = this.#target;
    if (password !== undefined) {
      try {
        await this.#client.call(
          this.#nameOf("AUTH"),
          ...(username === undefined ? [] : [username]),
          password.value.reveal(),
        );
      } catch (error) {
        // What was found in the container's environment may be meant for something else.
        const isUnused = /without any password configured|no password is set/.test(String(error));
        if (!(isUnused && password.isFound)) throw error;
      }
    }
    // Not PING: a server that cannot save (MISCONF) refuses it.
    await this.#client.call(this.#nameOf("INFO"), "server");
  }

  #nameOf(command: string): string {
    return this.#target.commands?.[command] ?? command;
  }

  #failure(thrown: unknown, operation: string): BackupError {
    const { signal, database, password } = this.#target;
    const context = { operation, database };
    if (signal?.aborted === true) return toBackupError(signal.reason, context);
    const error = classifyError(thrown, context);
    return redacted(error, password?.value);
  }

  #close(): void {
    this.#release();
    this.#client.disconnect();
  }
}

function redacted(error: BackupError, secret: Secret | undefined): BackupError {
  const message = redact(error.message, [secret]);
  return message === error.message ? error : new BackupError(error.reason, message, { ...error.toJSON() });
}

/** `name:value` lines; comments and blank lines are passed over. */
export function parseInfo(text: string): Info {
  return Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => line !== "" && !line.startsWith("#") && line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

/** Keys and keys with an expiry, by database index: what `INFO keyspace` counts. */
export type Keyspace = ReadonlyMap<number, { readonly keys: number; readonly expires: number }>;

export function keyspaceOf(info: Info): Keyspace {
  return new Map(
    Object.entries(info).flatMap(([name, value]) => {
      const index = /^db(\d+)$/.exec(name)?.[1];
      const counts = /^keys=(\d+),expires=(\d+)/.exec(value);
      if (index === undefined || counts === null) return [];
      return [[Number(index), { keys: Number(counts[1]), expires: Number(counts[2]) }]];
    }),
  );
}
