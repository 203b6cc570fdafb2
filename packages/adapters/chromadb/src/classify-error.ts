import { BackupError, toBackupError, type BackupErrorOptions, type BackupErrorReason } from "@sutazai/backup-core";

/** An answer that is not a success. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Rule {
  readonly status?: readonly number[];
  readonly pattern?: RegExp;
  readonly reason: BackupErrorReason;
  readonly hint: string;
}

/** What a server answers, and what fails on the way to it, in the order in which it is looked for. */
const rules: readonly Rule[] = [
  {
    status: [401, 403],
    reason: "authentication",
    hint: "set `token`, or `user` and `password`, of this database to what the server, or the proxy before it, asks for",
  },
  {
    pattern: /no space left|os error 28|disk (is )?full|ENOSPC|disk quota/i,
    reason: "no-space",
    hint: "free space where the server keeps its data: a restore needs room for a second copy",
  },
  {
    pattern: /error finding id|hnsw index|error loading|database disk image is malformed|failed to (read|load).*index/i,
    reason: "corrupt",
    hint: "the server cannot read its own vectors: restore the last good backup",
  },
  {
    pattern: /database is locked|database table is locked/i,
    reason: "locked",
    hint: "another client changes the same data: run it again",
  },
  { status: [404], reason: "not-found", hint: "another client removed it meanwhile: run it again" },
  { status: [409], reason: "locked", hint: "another client has made it meanwhile: keep writers away and run it again" },
  { status: [413], reason: "unsupported", hint: "raise the server's `max_payload_size_bytes`" },
  { status: [429, 503], reason: "connection", hint: "the server is busy or not ready yet: run it again later" },
  { status: [408, 504], reason: "timeout", hint: "the server, or a proxy before it, gave up: run it again" },
  { status: [502], reason: "connection", hint: "the proxy does not reach the server: check that it runs" },
  { status: [405, 410, 501], reason: "unsupported", hint: "the server's version of the API is not v2: use Chroma 1.x" },
  {
    pattern: /certificate|self.signed|\bSSL\b|\bTLS\b|wrong version number|EPROTO|altnames/i,
    reason: "connection",
    hint: "check the setting `tls` of this database: `ca` for a certificate of your own, `serverName` for its name",
  },
  {
    pattern: /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/,
    reason: "connection",
    hint: "check that the server runs, and the setting `container` or `url` of this database",
  },
  {
    pattern: /ECONNRESET|EPIPE|socket hang up|\baborted\b|HPE_|Parse Error/i,
    reason: "connection",
    hint: "the server closed the connection: look at its log; where it speaks TLS, set `tls` or an https:// URL",
  },
  {
    pattern: /ETIMEDOUT|timed out/i,
    reason: "timeout",
    hint: "the server did not answer in time: check that it can be reached from here",
  },
  { status: [500], reason: "tool-failed", hint: "look at the server's log" },
  {
    status: [400, 422],
    reason: "unsupported",
    hint: "the server does not take this request: compare its version with those supported",
  },
];

/** Makes a `BackupError` of what a Chroma server answered or a connection to it threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  const plain = toBackupError(thrown, context);
  if (thrown === plain || plain.reason === "cancelled") return plain;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const status = thrown instanceof AnswerError ? thrown.status : undefined;
  const rule = rules.find(
    (candidate) =>
      (status !== undefined && candidate.status?.includes(status) === true) ||
      candidate.pattern?.test(message) === true ||
      (code !== "" && candidate.pattern?.test(code) === true),
  );
  if (rule === undefined) return plain;
  return new BackupError(rule.reason, message, {
    ...context,
    hint: rule.hint,
    ...(status !== undefined && { details: { ...context.details, status } }),
    cause: thrown,
  });
}
