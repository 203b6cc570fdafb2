import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";
import { BackupError, redact, type Secret } from "@sutazai/backup-core";
import { AnswerError, classifyError } from "./classify-error.ts";

/** Where a server answers, and what it has to be shown. */
export interface Endpoint {
  readonly protocol: "http:" | "https:";
  readonly host: string;
  readonly port: number;
  /** Put before every path, for servers behind a proxy; without a `/` at its end. */
  readonly prefix: string;
  /** Headers by which it lets us in, made when they are sent, and what must not be seen of them. */
  readonly credentials: {
    readonly headers: Readonly<Record<string, () => string>>;
    readonly secrets: readonly Secret[];
  };
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
}

export interface CallOptions {
  /** JSON as it goes over the wire. */
  readonly body?: string;
  /** Aborts the call; without it, the call runs to its end. */
  readonly signal?: AbortSignal | undefined;
  /** The server may be silent for as long as its work takes. */
  readonly isLong?: boolean;
}

/** Longer silence than this in answer to a simple question means that nobody will answer. */
const patienceMs = 60_000;
/** Nothing that is read whole is longer, but a page of huge records. */
const answerLimit = 512 * 1024 * 1024;
const errorLimit = 64 * 1024;

/**
 * HTTP to one server. Not `fetch`, nor the official client upon it: those give up after five minutes in which a server says
 * nothing, as one does while it builds an index, take no certificate authority, and round numbers.
 */
export class HttpClient implements Disposable {
  readonly #endpoint: Endpoint;
  readonly #agent: HttpAgent;
  readonly #database: string;

  constructor(endpoint: Endpoint, database: string) {
    this.#endpoint = endpoint;
    this.#database = database;
    this.#agent =
      endpoint.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, ca: endpoint.ca, servername: endpoint.serverName })
        : new HttpAgent({ keepAlive: true });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** The whole answer. Throws a classified `BackupError` for anything but success. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return this.#classified(path, async () => {
      const response = await this.#send(method, path, options);
      return { headers: response.headers, body: await readWhole(response, answerLimit) };
    });
  }

  async #send(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    for (;;) {
      const headers = options.body === undefined ? {} : { "content-type": "application/json" };
      const request = this.#request(method, path, options, headers);
      request.end(options.body);
      try {
        return await answerOf(request);
      } catch (error) {
        // A connection kept from an earlier call that the server closed at the moment it was used again: nothing was done yet.
        const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
        if (!isStale) throw error;
      }
    }
  }

  #request(
    method: string,
    path: string,
    { signal, isLong }: CallOptions,
    headers: Record<string, string>,
  ): ClientRequest {
    const { protocol, host, port, prefix, credentials } = this.#endpoint;
    const options: RequestOptions = {
      method,
      host,
      port,
      path: prefix + path,
      agent: this.#agent,
      headers: {
        ...headers,
        accept: "application/json, */*",
        ...Object.fromEntries(Object.entries(credentials.headers).map(([name, make]) => [name, make()])),
      },
      ...(signal !== undefined && { signal }),
    };
    const request = protocol === "https:" ? httpsRequest(options) : httpRequest(options);
    request.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
    if (isLong !== true) {
      request.setTimeout(patienceMs, () =>
        request.destroy(new Error("the server timed out: it said nothing for a minute")),
      );
    }
    return request;
  }

  async #classified<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.#classify(path, error);
    }
  }

  #classify(path: string, error: unknown): BackupError {
    const { secrets } = this.#endpoint.credentials;
    if (error instanceof Error && !(error instanceof BackupError)) error.message = redact(error.message, secrets);
    return classifyError(error, { operation: "chromadb.call", database: this.#database, details: { path } });
  }
}

export interface Answer {
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return resolve(response);
      readWhole(response, errorLimit).then(
        (body) => reject(new AnswerError(status, messageIn(body.toString("utf8"), status))),
        () => reject(new AnswerError(status, messageIn("", status))),
      );
    });
  });
}

/** `{"error":"…","message":"…"}`, plain text, or nothing at all. */
function messageIn(text: string, status: number): string {
  let error: unknown;
  try {
    error = (JSON.parse(text) as { message?: unknown }).message;
  } catch {
    error = text.trim().slice(0, 1_000);
  }
  return typeof error === "string" && error !== "" ? error : `the server answered with status ${status}`;
}

async function readWhole(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new BackupError("unsupported", `the server's answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
