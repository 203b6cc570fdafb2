import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BackupError, redact, type BackupErrorOptions, type Bytes } from "@sutazai/backup-core";
import { AnswerError } from "./classify.ts";
import type { Endpoint } from "./endpoint.ts";

/** What is particular to one kind of server. */
export interface Dialect {
  /** `qdrant`, as errors name what was tried: `qdrant.call`. */
  readonly name: string;
  /** Where an error's body, parsed from JSON, says what it is about. What it throws, or gives that is no text, is no message. */
  readonly errorIn: (body: unknown) => unknown;
  readonly classify: (thrown: unknown, context: BackupErrorOptions) => BackupError;
}

/** A file within a multipart form. */
export interface UploadForm {
  readonly field: string;
  readonly fileName: string;
  /** For messages: `a snapshot`. */
  readonly description: string;
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
 * HTTP to one server. Not `fetch`, nor the official clients upon it: those give up after five minutes in which a server says
 * nothing, as one does while it makes a large snapshot or builds an index, take no certificate authority, and round integers beyond 2^53.
 */
export class HttpClient implements Disposable {
  readonly #endpoint: Endpoint;
  readonly #agent: HttpAgent;
  readonly #database: string;
  readonly #dialect: Dialect;

  constructor(endpoint: Endpoint, database: string, dialect: Dialect) {
    this.#endpoint = endpoint;
    this.#dialect = dialect;
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

  /** The answer as a stream, which must be read to its end or left early. It throws where the connection is lost. */
  async download(path: string, signal?: AbortSignal): Promise<Bytes> {
    const response = await this.#classified(path, () => this.#send("GET", path, { signal, isLong: true }));
    return this.#read(response, path);
  }

  async *#read(response: IncomingMessage, path: string): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* response;
    } catch (error) {
      throw this.#classify(path, error);
    } finally {
      response.destroy();
    }
  }

  /** Sends a file of known size as a multipart form. Throws `corrupt` where the content is not as long as it should be. */
  async upload(path: string, form: UploadForm, content: Bytes, size: number, signal?: AbortSignal): Promise<void> {
    const boundary = `sutazai-${randomBytes(16).toString("hex")}`;
    const head = Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${form.field}"; filename="${form.fileName}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    );
    const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
    const exact = this.#ofLength(content, form, size);
    const source = { failure: undefined as unknown };
    async function* body(): Bytes {
      yield head;
      try {
        yield* exact;
      } catch (error) {
        source.failure = error;
        throw error;
      }
      yield tail;
    }
    await this.#classified(path, async () => {
      const request = this.#request(
        "POST",
        path,
        { isLong: true, signal },
        {
          "content-type": `multipart/form-data; boundary=${boundary}`,
          "content-length": String(head.length + size + tail.length),
        },
      );
      const answered = this.#answerOf(request).then(async (response) => {
        try {
          await readWhole(response, answerLimit);
        } finally {
          // A server that has answered already reads no more.
          if (!request.writableFinished) request.destroy();
        }
      });
      const sent = pipeline(Readable.from(body(), { objectMode: false }), request);
      const [answer, sending] = await Promise.allSettled([answered, sent]);
      if (source.failure !== undefined) throw source.failure;
      if (answer.status === "rejected") {
        throw answer.reason instanceof AnswerError || sending.status === "fulfilled" ? answer.reason : sending.reason;
      }
    });
  }

  async #send(method: string, path: string, options: CallOptions): Promise<IncomingMessage> {
    for (;;) {
      const headers = options.body === undefined ? {} : { "content-type": "application/json" };
      const request = this.#request(method, path, options, headers);
      request.end(options.body);
      try {
        return await this.#answerOf(request);
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
    const { name, classify } = this.#dialect;
    return classify(error, { operation: `${name}.call`, database: this.#database, details: { path } });
  }

  #answerOf(request: ClientRequest): Promise<IncomingMessage> {
    const refusal = (status: number, text: string) =>
      new AnswerError(status, this.#messageIn(text) ?? `the server answered with status ${status}`);
    return new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) return resolve(response);
        readWhole(response, errorLimit).then(
          (body) => reject(refusal(status, body.toString("utf8"))),
          () => reject(refusal(status, "")),
        );
      });
    });
  }

  /** JSON as the kind has it, plain text, or nothing at all. */
  #messageIn(text: string): string | undefined {
    let error: unknown;
    try {
      error = this.#dialect.errorIn(JSON.parse(text));
    } catch {
      // Before it is cut, which may leave a part of one.
      error = redact(text, this.#endpoint.credentials.secrets).trim().slice(0, 1_000);
    }
    return typeof error === "string" && error !== "" ? error : undefined;
  }

  async *#ofLength(content: Bytes, { description }: UploadForm, size: number): Bytes {
    let passed = 0;
    for await (const chunk of content) {
      passed += chunk.length;
      if (passed > size) break;
      yield chunk;
    }
    if (passed === size) return;
    const found = passed > size ? "more" : `only ${passed}`;
    throw new BackupError("corrupt", `${description} has ${found} of its ${size} bytes`, {
      operation: `${this.#dialect.name}.upload`,
      hint: "use another backup",
    });
  }
}

export interface Answer {
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
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
