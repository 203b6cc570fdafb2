import { BackupError, toBackupError, type BackupErrorOptions, type BackupErrorReason } from "@sutazai/backup-core";

interface Rule {
  readonly pattern: RegExp;
  readonly reason: BackupErrorReason;
  readonly hint: string;
}

const checkCredentials = "check the settings `username` and `password` of this database";
const waitForLoading = "wait until the server has loaded its data, then run it again";

/** What a Redis server answers, and what fails on the way to it, in the order in which it is looked for. */
const rules: readonly Rule[] = [
  {
    pattern: /^(WRONGPASS|NOAUTH)\b|invalid password|invalid username-password/i,
    reason: "authentication",
    hint: checkCredentials,
  },
  {
    pattern: /AUTH.*without any password configured|no password is set/i,
    reason: "authentication",
    hint: "the server asks for no password: remove the setting `password` of this database",
  },
  {
    pattern: /^NOPERM\b/,
    reason: "permission",
    hint: "allow it to this user with ACL SETUSER, or give another user in the settings `username` and `password`",
  },
  {
    pattern: /^(ERR )?unknown (command|subcommand)/i,
    reason: "unsupported",
    hint: "the command is renamed, disabled or too new for this server: where it is renamed, give its name in the setting `commands`",
  },
  {
    pattern: /^MISCONF\b/,
    reason: "no-space",
    hint: "the server cannot save to disk and refuses writes: free space in its data directory (its log tells more), then run BGSAVE",
  },
  {
    pattern: /Can't execute an AOF background rewriting/,
    reason: "tool-failed",
    hint: "look at the server's log, and whether it may write to its data directory and has space there",
  },
  { pattern: /^LOADING\b/, reason: "connection", hint: waitForLoading },
  {
    pattern: /^MASTERDOWN\b/,
    reason: "connection",
    hint: "this replica has lost its master: mend the replication first",
  },
  {
    pattern: /^BUSY\b/,
    reason: "timeout",
    hint: "a script keeps the server busy: wait for it, or end it with SCRIPT KILL",
  },
  { pattern: /^OOM\b/, reason: "no-space", hint: "the server has reached its maxmemory" },
  { pattern: /^READONLY\b/, reason: "unsupported", hint: "this server is a replica: name its master" },
  {
    pattern: /max number of clients reached/,
    reason: "connection",
    hint: "the server has no connection to spare: raise maxclients",
  },
  {
    pattern: /^DENIED\b.*protected mode/s,
    reason: "connection",
    hint: "the server is in protected mode: set a password for it",
  },
  {
    pattern: /certificate|SSL|TLS|wrong version number/i,
    reason: "connection",
    hint: "check the setting `tls` of this database",
  },
  {
    pattern: /Connection is closed|ECONNRESET|EPIPE|Socket closed|Protocol error/i,
    reason: "connection",
    hint: "the server closed the connection: look at its log; where it speaks TLS, set `tls`",
  },
  {
    pattern: /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN/,
    reason: "connection",
    hint: "check that the server runs, and the settings `container`, or `host` and `port`, of this database",
  },
  {
    pattern: /ETIMEDOUT|timed out/,
    reason: "timeout",
    hint: "the server did not answer in time: check that it can be reached from here",
  },
];

/** Makes a `BackupError` of what a Redis server answered or a connection to it threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  const plain = toBackupError(thrown, context);
  if (thrown === plain || plain.reason === "cancelled") return plain;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const rule = rules.find(({ pattern }) => pattern.test(message) || (code !== "" && pattern.test(code)));
  // Not as the cause: the client's errors carry the command with its arguments, AUTH among them.
  const { cause: _, ...rest } = context;
  return rule === undefined
    ? new BackupError(plain.reason, message, rest)
    : new BackupError(rule.reason, message, { ...rest, hint: rule.hint });
}
