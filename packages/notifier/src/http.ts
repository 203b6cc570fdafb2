import { redact, type BackupErrorReason, type Secret } from "@sutazai/backup-core";
import { deliveryFailure } from "./channel.ts";

const longestAnswer = 65_536;

export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Redacted in errors: an answer may repeat what it was sent. */
  readonly secrets: readonly Secret[];
}

/**
 * Sends a request and returns the answer's body (its first 64 KiB). Throws unless the status is 2xx. An address may be a secret as a whole,
 * so errors name its host alone. Redirections are not followed: signatures and credentials are for the host that was configured.
 */
export async function sendRequest(request: HttpRequest): Promise<string> {
  const { url, method = "POST", headers, body, signal, secrets } = request;
  const { host, address, credentials } = withoutCredentials(url);
  let response: Response;
  let answer: string;
  try {
    response = await fetch(address, {
      method,
      body,
      signal,
      redirect: "manual",
      headers: { ...credentials, ...headers },
    });
    answer = await readStart(response);
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFailure(error, host, secrets);
  }
  if (response.ok) return answer;
  throw answerFailure(response.status, response.headers, redact(answer, secrets), host);
}

/** `https://user:password@host/`: fetch refuses such addresses, and receivers behind a proxy often have them. */
function withoutCredentials(url: string): {
  readonly host: string;
  readonly address: string;
  readonly credentials: Readonly<Record<string, string>>;
} {
  const address = new URL(url);
  const { host, username, password } = address;
  if (username === "" && password === "") return { host, address: url, credentials: {} };
  address.username = "";
  address.password = "";
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const credentials = { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
  return { host, address: address.href, credentials };
}

/** What an answer other than 2xx means. */
export function answerFailure(status: number, headers: Headers, answer: string, host: string): Error {
  const says = answer.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  return deliveryFailure(reasonOf(status), `${host} answered ${status}${says === "" ? "" : `: ${says}`}`, {
    operation: "notify",
    hint: hintOf(status),
    details: { status },
    retryAfterMs: retryAfter(headers.get("retry-after")),
  });
}

function reasonOf(status: number): BackupErrorReason {
  if (status === 401 || status === 403) return "authentication";
  if (status === 404 || status === 410) return "not-found";
  // Too early, too many, or the other side's own trouble: the same may succeed later.
  if (status === 408 || status === 425 || status === 429 || status >= 500) return "connection";
  return "refused";
}

function hintOf(status: number): string {
  if (status >= 300 && status < 400)
    return "configure the address that this one leads to; redirections are not followed";
  if (status === 401 || status === 403) return "check this channel's credentials";
  if (status === 404 || status === 410) return "check this channel's address: it may have been withdrawn";
  if (status === 429 || status >= 500) return "nothing, unless it lasts: it is tried again with the next call";
  return "see what the answer says, and check this channel's settings";
}

/** Seconds, or a date. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function connectionFailure(thrown: unknown, host: string, secrets: readonly Secret[]): Error {
  // The reason is under what fetch throws, and under several where a host has several addresses.
  const causes = [thrown, ...causesOf(thrown)].filter((cause) => cause instanceof Error);
  const cause = causes.at(-1);
  const code = causes.map((error) => ("code" in error ? String(error.code) : "")).findLast((code) => code !== "") ?? "";
  const message = redact(`${host} cannot be reached: ${cause?.message || code}`, secrets);
  if (isCertificateProblem(code)) {
    return deliveryFailure("configuration", message, {
      operation: "notify",
      hint: "let Node trust its certificate (NODE_EXTRA_CA_CERTS names a file in PEM), or mend the server's",
    });
  }
  return deliveryFailure("connection", message, {
    operation: "notify",
    hint: "check the address, the name service, and what stands between (NODE_USE_ENV_PROXY=1 makes Node heed HTTPS_PROXY)",
  });
}

function* causesOf(thrown: unknown): Generator {
  if (!(thrown instanceof Error)) return;
  for (const cause of thrown instanceof AggregateError ? thrown.errors : [thrown.cause]) {
    if (cause === undefined) continue;
    yield cause;
    yield* causesOf(cause);
  }
}

export function isCertificateProblem(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code);
}

async function readStart(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes >= longestAnswer) break;
  }
  return Buffer.concat(chunks).subarray(0, longestAnswer).toString("utf8");
}
