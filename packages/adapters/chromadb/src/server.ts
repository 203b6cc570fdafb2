import { setTimeout as sleep } from "node:timers/promises";
import { BackupError, isBackupError, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import type { CallOptions, HttpClient } from "@sutazai/backup-http";
import { z } from "zod";
import { commandVersion } from "./command-version.ts";
import { httpClient } from "./http.ts";
import { parseExact } from "./json.ts";
import type { ChromadbOptions } from "./options.ts";
import type { Site } from "./site.ts";
import { containerName, locate, type Target } from "./target.ts";

/** A server with large indexes takes its time until it answers. */
const startPatienceMs = 120_000;

const heartbeatSchema = z.looseObject({ "nanosecond heartbeat": z.unknown().refine((value) => value !== undefined) });
const checksSchema = z.looseObject({ supports_base64_encoding: z.boolean().optional() });

/** A server that has been reached and has let us in. */
export class Server implements Site, Disposable {
  /** The configured name, for errors. */
  readonly database: string;
  readonly options: ChromadbOptions;
  readonly target: Target;
  /** What its API says, and what its command says where there is a container: the API says `1.0.0` whatever the build. */
  readonly version: string;
  /** Vectors may be sent as base64. */
  readonly takesBase64: boolean;
  readonly client: HttpClient;

  private constructor(facts: Pick<Server, "database" | "options" | "target" | "version" | "takesBase64" | "client">) {
    this.database = facts.database;
    this.options = facts.options;
    this.target = facts.target;
    this.version = facts.version;
    this.takesBase64 = facts.takesBase64;
    this.client = facts.client;
  }

  /** Throws what stands in the way: `not-found`, `connection`, `authentication`, `unsupported`. A container that has just been started is waited for. */
  static async open(
    options: ChromadbOptions,
    database: string,
    containers: ContainerRuntime,
    signal?: AbortSignal,
  ): Promise<Server> {
    for (;;) {
      try {
        return await Server.#openNow(options, database, containers, signal);
      } catch (error) {
        if (!isBackupError(error) || error.reason !== "connection") throw error;
        const reference = containerName(options);
        const container = reference === undefined ? undefined : await containers.inspect(reference);
        if (container?.state !== "running") throw error;
        if ((await containers.now()) - Date.parse(container.startedAt) > startPatienceMs) throw error;
        await sleep(200, undefined, signal === undefined ? {} : { signal });
      }
    }
  }

  static async #openNow(
    options: ChromadbOptions,
    database: string,
    containers: ContainerRuntime,
    signal?: AbortSignal,
  ): Promise<Server> {
    const target = await locate(options, containers);
    const client = httpClient(target.endpoint, database);
    try {
      const server = new Server({ database, options, target, client, version: "", takesBase64: false });
      await assertChroma(server, signal);
      // Open without credentials wherever a heartbeat is: the first question that is not.
      await server.ask("GET", "/tenants/default_tenant", z.unknown(), { signal }).catch((error: unknown) => {
        if (!isBackupError(error) || error.reason !== "not-found") throw error;
      });
      const api = await server.ask("GET", "/version", z.string(), { signal });
      const checks = await server.ask("GET", "/pre-flight-checks", checksSchema, { signal });
      const { container } = target;
      const command = container && (await commandVersion(container, containers, signal));
      const version = command === undefined ? api : `${api} (chroma ${command})`;
      const takesBase64 = checks.supports_base64_encoding === true;
      return new Server({ database, options, target, client, version, takesBase64 });
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  get container(): ContainerInfo | undefined {
    return this.target.container;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }

  /** An answer, checked; numbers in it are as they were written. The path is that behind `/api/v2`. */
  async ask<Result>(
    method: string,
    path: string,
    schema: z.ZodType<Result>,
    { body, ...options }: Omit<CallOptions, "body"> & { readonly body?: string } = {},
  ): Promise<Result> {
    const answer = await this.call(method, path, body === undefined ? options : { ...options, body });
    const parsed = schema.safeParse(parseOrUndefined(answer.toString("utf8")));
    if (parsed.success) return parsed.data;
    throw notUnderstood(path, z.prettifyError(parsed.error));
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Buffer> {
    return (await this.client.call(method, `/api/v2${path}`, options)).body;
  }
}

async function assertChroma(server: Server, signal: AbortSignal | undefined): Promise<void> {
  const { host, port } = server.target.endpoint;
  const known = await server.ask("GET", "/heartbeat", heartbeatSchema, { signal }).then(
    () => true,
    (error: unknown) => {
      if (isBackupError(error) && (error.reason === "unsupported" || error.reason === "not-found")) return false;
      throw error;
    },
  );
  if (known) return;
  throw new BackupError("unsupported", `what answers at ${host}:${port} is no Chroma server with API v2`, {
    operation: "chromadb.open",
    database: server.database,
    hint: "set `url`, or `container` and `port`, to Chroma's HTTP port (8000 as a rule); versions before 1.0 are not supported",
  });
}

export function notUnderstood(path: string, problem: string): BackupError {
  return new BackupError("unsupported", `the server's answer to ${path} is not understood: ${problem}`, {
    operation: "chromadb.call",
    hint: "this version of Chroma may be too old or too new for this version of the adapter",
  });
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}
