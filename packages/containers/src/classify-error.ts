import {
  BackupError,
  isBackupError,
  toBackupError,
  type BackupErrorOptions,
  type BackupErrorReason,
} from "@sutazai/backup-core";

interface Rule {
  /** HTTP status of the daemon's answer; any where absent. */
  readonly status?: number;
  readonly pattern: RegExp;
  readonly reason: BackupErrorReason;
  readonly hint: string;
}

// The daemon answers with a status and a sentence; the sentence tells more. First match wins.
const rules: readonly Rule[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    reason: "no-space",
    hint: "free some space where Docker keeps its data (`docker system df`)",
  },
  {
    pattern: /client version .* is too (new|old)/i,
    reason: "incompatible-version",
    hint: "use a Docker engine of version 20.10 or later",
  },
  {
    pattern: /executable file not found|exec: .*: (no such file|stat )/i,
    reason: "tool-missing",
    hint: "use an image that holds a POSIX shell (/bin/sh) and the tool named in the message",
  },
  {
    pattern: /cannot join network of a non running container/i,
    reason: "connection",
    hint: "start the database's container first",
  },
  { pattern: /is paused/i, reason: "connection", hint: "let it go on with `docker unpause <container>`" },
  {
    pattern: /is restarting/i,
    reason: "connection",
    hint: "find out why with `docker logs <container>`; it is not up long enough to be used",
  },
  { pattern: /is not running/i, reason: "connection", hint: "start it with `docker start <container>`" },
  {
    status: 409,
    pattern: /name .* is already in use/i,
    reason: "locked",
    hint: "wait until the other process has ended",
  },
  {
    status: 404,
    pattern: /no such image/i,
    reason: "not-found",
    hint: "sidecars are made from the server's own image, which must still be on this machine; do not remove it while its container runs",
  },
  {
    status: 404,
    pattern: /no such container/i,
    reason: "not-found",
    hint: "look at `docker ps --all` for the container's name",
  },
  {
    status: 404,
    pattern: /could not find the file|no such file or directory/i,
    reason: "not-found",
    hint: "check the path inside the container",
  },
  {
    status: 404,
    pattern: /./,
    reason: "not-found",
    hint: "look at `docker ps --all`, `docker network ls` and `docker volume ls`",
  },
  { status: 401, pattern: /./, reason: "authentication", hint: "check the certificates in DOCKER_CERT_PATH" },
  {
    status: 403,
    pattern: /./,
    reason: "permission",
    hint: "the daemon, or a proxy before it, forbids this; allow it or use the daemon's own socket",
  },
];

const unreachable: ReadonlySet<string> = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "ENOTSOCK",
]);
const lost: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
]);

/** Makes a `BackupError` of whatever dockerode or its socket threw. Pure: it asks nobody. */
export function classifyError(error: unknown, context: BackupErrorOptions = {}): BackupError {
  if (isBackupError(error) || !(error instanceof Error)) return toBackupError(error, context);
  const make = (reason: BackupErrorReason, message: string, hint: string) =>
    new BackupError(reason, message, { hint, ...context, cause: error });

  const status = statusOf(error);
  if (status !== undefined) {
    const message = answerOf(error);
    const rule = rules.find((each) => (each.status ?? status) === status && each.pattern.test(message));
    if (rule !== undefined) return make(rule.reason, message, rule.hint);
    return make(
      "unknown",
      `Docker answered ${status}: ${message}`,
      "look at the daemon's own log (`journalctl --unit docker`)",
    );
  }

  const code = "code" in error ? String(error.code) : "";
  const where = placeOf(error);
  if (unreachable.has(code)) {
    return make(
      "connection",
      `the Docker daemon does not answer${where} (${code})`,
      "start Docker, or set DOCKER_HOST to where it listens",
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return make(
      "permission",
      `this user may not use the Docker daemon${where}`,
      "run it as root, or add the user to the group `docker` and log in again",
    );
  }
  if (lost.has(code)) {
    return make(
      "connection",
      `the connection to the Docker daemon was lost (${code})`,
      "see whether the daemon was restarted (`docker info`), then try again",
    );
  }
  return toBackupError(error, context);
}

/** HTTP status of a daemon's answer that dockerode threw. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}

/** Resolves to undefined where the daemon answers with one of the statuses: 304 (already so), 404 (gone), 409 (under way). */
export async function tolerating<T>(statuses: readonly number[], answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && statuses.includes(status)) return undefined;
    throw error;
  }
}

/** What an aborted signal is thrown as: its own `BackupError` (a time limit), else `cancelled`. */
export function abortError(signal: AbortSignal, operation: string): BackupError {
  const reason: unknown = signal.reason;
  if (isBackupError(reason)) return reason;
  if (reason instanceof Error && reason.name === "TimeoutError") {
    return new BackupError("timeout", "took longer than its time limit", { operation, cause: reason });
  }
  return new BackupError("cancelled", "cancelled before it had finished", { operation, cause: reason });
}

export function throwIfAborted(signal: AbortSignal, operation: string): void {
  if (signal.aborted) throw abortError(signal, operation);
}

function answerOf(error: Error): string {
  const body = "json" in error ? (error.json as { message?: unknown } | null) : null;
  return (typeof body?.message === "string" ? body.message : error.message).trim();
}

function placeOf(error: Error): string {
  const { address, port, hostname } = error as { address?: string; port?: number; hostname?: string };
  const host = address ?? hostname;
  if (host === undefined) return "";
  return ` at ${host}${port === undefined ? "" : `:${port}`}`;
}
