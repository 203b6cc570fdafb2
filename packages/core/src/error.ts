/** Why an operation failed. A closed list: programs decide by it, so a new reason is a change of the contract. */
export const backupErrorReasons = [
  "authentication",
  "cancelled",
  "configuration",
  "connection",
  "corrupt",
  "incompatible-version",
  "incomplete",
  "locked",
  "mismatch",
  "no-space",
  "not-found",
  "permission",
  "refused",
  "restore-failed",
  "timeout",
  "tool-failed",
  "tool-missing",
  "unsupported",
  "unknown",
] as const;
export type BackupErrorReason = (typeof backupErrorReasons)[number];

const retryableReasons: ReadonlySet<BackupErrorReason> = new Set(["connection", "locked", "timeout"]);

const brand = Symbol.for("sutazai.backup.error");

export interface BackupErrorOptions {
  /** What was being done: `postgres.dump`, `store.publish`. */
  readonly operation?: string;
  /** The database's configured name. */
  readonly database?: string;
  /** What the reader should do now, as an imperative sentence. */
  readonly hint?: string;
  /** Names, offsets, versions: facts a program may want. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error of the system. Recognise it with {@link isBackupError}, never with `instanceof`: two copies of this
 * package may be loaded at once.
 */
export class BackupError extends Error {
  override readonly name = "BackupError";
  readonly reason: BackupErrorReason;
  readonly operation: string | undefined;
  readonly database: string | undefined;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(reason: BackupErrorReason, message: string, options: BackupErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Object.defineProperty(this, brand, { value: true });
    this.reason = reason;
    this.operation = options.operation;
    this.database = options.database;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  /** Whether the same call may succeed later with nothing changed by a person. */
  get isRetryable(): boolean {
    return retryableReasons.has(this.reason);
  }

  toJSON(): SerializedError {
    return {
      reason: this.reason,
      message: this.message,
      ...(this.operation !== undefined && { operation: this.operation }),
      ...(this.database !== undefined && { database: this.database }),
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(Object.keys(this.details).length > 0 && { details: this.details }),
    };
  }
}

/** A {@link BackupError} as reports, events and `--json` carry it. */
export interface SerializedError {
  readonly reason: BackupErrorReason;
  readonly message: string;
  readonly operation?: string;
  readonly database?: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function isBackupError(value: unknown): value is BackupError {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * Makes a `BackupError` of whatever was thrown. What is one already only gains the context it lacks; an abort becomes
 * `cancelled`, unless the signal carried a `BackupError` (a time limit) as its reason; a full disk `no-space`. What failed and then could
 * not be cleared away either is what failed first, and says both.
 */
export function toBackupError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  if (isBackupError(thrown)) {
    if (
      (thrown.operation ?? context.operation) === thrown.operation &&
      (thrown.database ?? context.database) === thrown.database &&
      (thrown.hint ?? context.hint) === thrown.hint
    ) {
      return thrown;
    }
    const merged = new BackupError(thrown.reason, thrown.message, {
      ...context,
      ...thrown.toJSON(),
      cause: thrown.cause,
    });
    if (thrown.stack !== undefined) merged.stack = thrown.stack;
    return merged;
  }
  if (thrown instanceof Error && thrown.name === "SuppressedError") {
    const { error: later, suppressed: first } = thrown as SuppressedError;
    const { reason, message, ...said } = toBackupError(first, context).toJSON();
    return new BackupError(reason, `${message}; then ${toBackupError(later).message}`, { ...said, cause: first });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const options = { ...context, cause: thrown };
  if (thrown instanceof Error && (thrown.name === "AbortError" || code === "ABORT_ERR")) {
    return isBackupError(thrown.cause)
      ? toBackupError(thrown.cause, context)
      : new BackupError("cancelled", "cancelled before it had finished", options);
  }
  if (thrown instanceof Error && thrown.name === "TimeoutError") return new BackupError("timeout", message, options);
  const hint = context.hint ?? systemHints[code];
  return new BackupError(systemReasons[code] ?? "unknown", message, {
    ...options,
    ...(hint !== undefined && { hint }),
  });
}

const systemHints: Readonly<Record<string, string>> = {
  EIO: "a disk fails, or what is mounted from elsewhere: see the kernel's messages (`dmesg`); what was stored there before may be damaged, too (`sutazai-backup verify --all`)",
};

const systemReasons: Readonly<Record<string, BackupErrorReason>> = {
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EACCES: "permission",
  EPERM: "permission",
  EROFS: "permission",
  ENOENT: "not-found",
  ECONNREFUSED: "connection",
  ECONNRESET: "connection",
  EPIPE: "connection",
  EHOSTUNREACH: "connection",
  ENETUNREACH: "connection",
  ENOTFOUND: "connection",
  EAI_AGAIN: "connection",
  ETIMEDOUT: "timeout",
};
