import { BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import type { CallOptions, HttpClient } from "@sutazai/backup-http";
import { z } from "zod";
import { httpClient } from "./http.ts";
import { parseExact } from "./json.ts";
import type { QdrantOptions } from "./options.ts";
import { locate, type Target } from "./target.ts";

const rootSchema = z.looseObject({ title: z.string(), version: z.string().regex(/^\d+\.\d+\.\d+/) });
const clusterSchema = z.looseObject({ status: z.string(), peers: z.record(z.string(), z.unknown()).optional() });

/** A single-node server that has been reached and has let us in. */
export class Server implements Disposable {
  /** The configured name, for errors. */
  readonly database: string;
  readonly target: Target;
  readonly version: string;
  /** What answers `GET /cluster`. */
  readonly cluster: unknown;
  /** It says of itself that it only stands in for Qdrant, for tests. */
  readonly isStandIn: boolean;
  readonly client: HttpClient;

  private constructor(facts: Pick<Server, "database" | "target" | "version" | "cluster" | "isStandIn" | "client">) {
    this.database = facts.database;
    this.target = facts.target;
    this.version = facts.version;
    this.cluster = facts.cluster;
    this.isStandIn = facts.isStandIn;
    this.client = facts.client;
  }

  /** Throws what stands in the way: `not-found`, `connection`, `authentication`, and `unsupported` for one node of several. */
  static async open(
    options: QdrantOptions,
    database: string,
    containers: ContainerRuntime,
    signal?: AbortSignal,
  ): Promise<Server> {
    const target = await locate(options, containers);
    const client = httpClient(target.endpoint, database);
    try {
      const facts = await readFacts(client, target, database, signal);
      return new Server({ database, target, client, ...facts });
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }

  /** The `result` of an answer, checked. */
  async ask<Result>(
    method: string,
    path: string,
    schema: z.ZodType<Result>,
    { body, ...options }: Omit<CallOptions, "body"> & { readonly body?: object } = {},
  ): Promise<Result> {
    const call = body === undefined ? options : { ...options, body: JSON.stringify(body) };
    const answer = await this.client.call(method, path, call);
    return resultOf(answer.body.toString("utf8"), schema, path);
  }

  /** What the operator should know of the server itself. */
  get warnings(): string[] {
    return this.isStandIn ? ["the server is not Qdrant but a stand-in for it, made for tests"] : [];
  }
}

async function readFacts(
  client: HttpClient,
  { endpoint }: Target,
  database: string,
  signal: AbortSignal | undefined,
): Promise<Pick<Server, "version" | "cluster" | "isStandIn">> {
  const root = await client.call("GET", "/", { signal });
  const known = rootSchema.safeParse(parseOrUndefined(root.body.toString("utf8")));
  if (!known.success || !/qdrant/i.test(known.data.title)) {
    throw new BackupError("unsupported", `what answers at ${endpoint.host}:${endpoint.port} is no Qdrant server`, {
      operation: "qdrant.open",
      database,
      hint: "set `url`, or `container` and `port`, to Qdrant's HTTP port (6333 as a rule, not 6334, which is gRPC)",
    });
  }
  const { body } = await client.call("GET", "/cluster", { signal });
  const cluster = resultOf(body.toString("utf8"), clusterSchema, "/cluster");
  if (cluster.status !== "disabled") {
    const peers = Object.keys(cluster.peers ?? {}).length;
    throw new BackupError("unsupported", `the server is one node of a distributed deployment (${peers} known)`, {
      operation: "qdrant.open",
      database,
      hint: "a node's snapshots hold its own shards only, so a part would look like the whole: run Qdrant as a single node, or make snapshots on every node by hand",
      details: { peers },
    });
  }
  return { version: known.data.version, cluster, isStandIn: root.headers["x-stand-in"] !== undefined };
}

export function collectionPath(name: string, rest: string = ""): string {
  // Dots too: `..` would be taken for the parent on the way.
  return `/collections/${encodeURIComponent(name).replaceAll(".", "%2E")}${rest}`;
}

export function resultOf<Result>(text: string, schema: z.ZodType<Result>, path: string): Result {
  const answer = z.looseObject({ result: schema }).safeParse(parseOrUndefined(text));
  if (answer.success) return answer.data.result;
  throw new BackupError(
    "unsupported",
    `the server's answer to ${path} is not understood: ${z.prettifyError(answer.error)}`,
    {
      operation: "qdrant.call",
      hint: "this version of Qdrant may be too old or too new for this version of the adapter",
    },
  );
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}
