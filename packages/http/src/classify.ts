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

/** What a status or a message means, and what to do. */
export interface HttpRule {
  readonly status?: readonly number[];
  readonly pattern?: RegExp;
  readonly reason: BackupErrorReason;
  readonly hint: string;
}

/** What a server of any kind answers, and what fails on the way to it. To be looked for after what is particular to a kind. */
export const commonRules: readonly HttpRule[] = [
  { status: [429, 503], reason: "connection", hint: "the server is busy or not ready yet: run it again later" },
  { status: [408, 504], reason: "timeout", hint: "the server, or a proxy before it, gave up: run it again" },
  { status: [502], reason: "connection", hint: "the proxy does not reach the server: check that it runs" },
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

/** Makes a `BackupError` by the first rule that fits what a server answered or a connection to it threw. Pure. */
export function classifyHttp(
  thrown: unknown,
  rules: readonly HttpRule[],
  context: BackupErrorOptions = {},
): BackupError {
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
