import {
  BackupError,
  toBackupError,
  type BackupErrorOptions,
  type BackupErrorReason,
  type ToolExit,
} from "@sutazai/backup-core";

interface Rule {
  readonly pattern: RegExp;
  readonly reason: BackupErrorReason;
  readonly hint: string;
  readonly details?: BackupErrorOptions["details"];
}

const checkCredentials = "check the settings `user` and `password` of this database";

/** By the codes that a server answers with, and what fails on the way to it, in the order in which it is looked for. */
const serverRules: readonly Rule[] = [
  {
    pattern: /Security\.AuthenticationRateLimit/,
    reason: "authentication",
    hint: "too many wrong passwords: wait some seconds, and check the setting `password` of this database",
  },
  {
    pattern: /Security\.CredentialsExpired/,
    reason: "authentication",
    hint: "the password must be changed at the first login: do that (ALTER CURRENT USER SET PASSWORD), then give the new one",
  },
  { pattern: /Security\.(Unauthorized|TokenExpired)/, reason: "authentication", hint: checkCredentials },
  {
    pattern: /Security\.Forbidden|Security\.Authorization/,
    reason: "permission",
    hint: "give a user who may read everything in the settings `user` and `password`",
  },
  {
    pattern: /Database\.DatabaseNotFound/,
    reason: "not-found",
    hint: "see which databases there are: SHOW DATABASES",
  },
  {
    pattern: /DatabaseUnavailable|Database\.UnableToStartDatabase|General\.DatabaseUnavailable/,
    reason: "connection",
    hint: "the database is not online: SHOW DATABASES and the server's debug.log tell why",
  },
  {
    pattern: /General\.OutOfMemoryError|General\.MemoryPoolOutOfMemoryError|StackOverFlow/,
    reason: "tool-failed",
    hint: "the server has too little memory for the query: raise its heap (server.memory.heap.max_size)",
  },
  {
    pattern: /Statement\.(SyntaxError|AccessMode|NotSystemDatabaseError)|UnsupportedAdministrationCommand/,
    reason: "unsupported",
    hint: "this version of the server does not know what was asked of it: 5 or newer is needed",
  },
  {
    pattern: /certificate|SSL|TLS|wrong version number/i,
    reason: "connection",
    hint: "check the setting `tls` of this database",
  },
  {
    pattern: /timed? ?out|ETIMEDOUT/i,
    reason: "timeout",
    hint: "the server did not answer in time: check that it can be reached from here",
  },
  {
    pattern: /ServiceUnavailable|SessionExpired|ECONN|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|closed|connect/i,
    reason: "connection",
    hint: "check that the server runs, and the settings `container`, or `host` and `port`, of this database",
  },
];

/** Makes a `BackupError` of what a Neo4j server answered or a connection to it threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  const plain = toBackupError(thrown, context);
  if (thrown === plain || plain.reason === "cancelled") return plain;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const rule =
    serverRules.find(({ pattern }) => pattern.test(code)) ?? serverRules.find(({ pattern }) => pattern.test(message));
  // Not as the cause: the driver's errors may carry the query with its parameters.
  const { cause: _, ...rest } = context;
  return rule === undefined
    ? new BackupError(plain.reason, message, rest)
    : new BackupError(rule.reason, message, { ...rest, hint: rule.hint });
}

/** What `neo4j-admin` says on standard error. */
const toolRules: readonly Rule[] = [
  {
    pattern: /OutOfMemoryError|insufficient memory for the Java/i,
    reason: "tool-failed",
    hint: "neo4j-admin had too little memory; this says nothing about the data",
    details: { outOfMemory: true },
  },
  {
    pattern: /database is in use|FileLockException|lock.*is already held|store_lock/i,
    reason: "locked",
    hint: "somebody else uses the store: see which containers mount its volume",
  },
  {
    pattern: /no space left on device|disk quota exceeded|not enough (disk )?space/i,
    reason: "no-space",
    hint: "free some space where the server's data is",
  },
  {
    pattern: /Active logical log detected|not cleanly shut ?down|unclean shutdown|recovery is not possible/i,
    reason: "tool-failed",
    hint: "the server had not been stopped cleanly: start it, wait until it answers, then try again",
  },
  {
    pattern: /Inconsistencies found\./,
    reason: "corrupt",
    hint: "the store itself is damaged: `neo4j-admin database check` on a copy of it tells where; go back to a backup from before",
  },
  {
    pattern: /Database does not exist|does not exist: /i,
    reason: "not-found",
    hint: "see which databases there are: SHOW DATABASES",
  },
  {
    pattern:
      /Not a valid Neo4j archive|Archive header|archive.*corrupt|Truncated|checksum|ZstdIOException|Unexpected end/i,
    reason: "corrupt",
    hint: "take another backup: this dump cannot be read",
  },
  {
    pattern:
      /unsupported (store|format)|newer version|StoreUpgrade|Unknown store version|cannot be (up|down)graded|Failed to read store header/i,
    reason: "incompatible-version",
    hint: "restore into a server of the version that the backup is of, or newer",
  },
  {
    pattern: /AccessDenied|permission denied|operation not permitted/i,
    reason: "permission",
    hint: "see who owns the files in the server's data directory",
  },
  {
    pattern: /neo4j-admin: (not found|command not found)/i,
    reason: "tool-missing",
    hint: "the server's image has no neo4j-admin: take the method data-directory or export",
  },
];

/** What `neo4j-admin` complained of; undefined where its own words are the best there is. Pure. */
export function classifyToolExit(
  { stderr }: Pick<ToolExit, "stderr">,
  context: BackupErrorOptions,
): BackupError | undefined {
  const rule = toolRules.find(({ pattern }) => pattern.test(stderr));
  if (rule === undefined) return undefined;
  const line = stderr.split("\n").find((text) => rule.pattern.test(text)) ?? stderr;
  const details = { ...context.details, ...rule.details };
  return new BackupError(rule.reason, line.trim(), { ...context, hint: rule.hint, details });
}
