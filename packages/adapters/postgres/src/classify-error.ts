import {
  BackupError,
  toBackupError,
  type BackupErrorOptions,
  type BackupErrorReason,
  type ToolExit,
} from "@sutazai/backup-core";

interface Verdict {
  readonly reason: BackupErrorReason;
  readonly hint?: string;
}

const credentials: Verdict = {
  reason: "authentication",
  hint: "set `user` and `password` of this database to those of a superuser of the server",
};
const unreachable: Verdict = {
  reason: "connection",
  hint: "see that the server runs and accepts connections, then try again",
};
const full: Verdict = { reason: "no-space", hint: "free space on the server's disk" };
const privileges: Verdict = { reason: "permission", hint: "set `user` to a superuser of the server" };
const occupied: Verdict = {
  reason: "timeout",
  hint: "another session holds a lock for long; find it in pg_stat_activity, then try again",
};

/** By SQLSTATE or, where that is not listed, by its class (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const byState: Readonly<Record<string, Verdict>> = {
  "08": unreachable,
  "28": credentials,
  "3D": { reason: "not-found", hint: "see which databases there are with `psql -l`" },
  "42501": privileges,
  "53100": full,
  "53300": { reason: "connection", hint: "the server has no free connection; close some, or raise max_connections" },
  "55006": occupied,
  "55P03": occupied,
  "57014": occupied,
  "57P": unreachable,
  "40": occupied,
  "0A": { reason: "unsupported" },
  XX001: { reason: "corrupt", hint: "the server's own data is damaged; look at its log" },
  XX002: { reason: "corrupt", hint: "the server's own data is damaged; look at its log" },
};

function byStateOrClass(state: string): Verdict | undefined {
  return byState[state] ?? byState[state.slice(0, 3)] ?? byState[state.slice(0, 2)];
}

/** What the client says without an SQLSTATE. */
const byMessage: readonly (readonly [RegExp, Verdict])[] = [
  [/client password must be|no password supplied|password authentication failed/, credentials],
  [/Connection terminated|timeout expired|timeout exceeded when trying to connect/, unreachable],
];

/** Makes a `BackupError` of what the `pg` client threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions): BackupError {
  const error = toBackupError(thrown, context);
  if (!(thrown instanceof Error) || thrown === error) return error;
  const state = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const verdict =
    (/^[0-9A-Z]{5}$/.test(state) ? byStateOrClass(state) : undefined) ??
    byMessage.find(([pattern]) => pattern.test(thrown.message))?.[1] ??
    (error.reason === "connection" ? unreachable : undefined);
  if (verdict === undefined) return error;
  return new BackupError(verdict.reason, error.message, {
    ...context,
    ...(verdict.hint !== undefined && { hint: verdict.hint }),
    ...(state !== "" && { details: { code: state } }),
    cause: thrown,
  });
}

/** What pg_dump, pg_dumpall and psql write when they fail, with `LC_ALL=C`; psql with `VERBOSITY=verbose`. */
const byOutput: readonly (readonly [RegExp, Verdict])[] = [
  [/password authentication failed|no password supplied|no pg_hba\.conf entry/, credentials],
  [
    /aborting because of server version mismatch/,
    { reason: "incompatible-version", hint: "use client tools of the server's version or newer" },
  ],
  [/No space left on device|could not extend file/, full],
  [
    /ERROR: {2}?(?:42501: )?(?:permission denied|must be (?:superuser|owner))|query would be affected by row-level security/,
    privileges,
  ],
  [/lock timeout|canceling statement due to statement timeout/, occupied],
  [
    /could not connect|connection to server .* failed|server closed the connection|terminating connection|the database system is|Connection refused/,
    unreachable,
  ],
  [
    /database name contains a newline/,
    { reason: "unsupported", hint: "rename the database: pg_dump cannot dump one with a line break in its name" },
  ],
];

/** Makes a `BackupError` of a failed tool's standard error; undefined where it tells nothing. Pure. */
export function classifyToolExit(
  exit: ToolExit,
  context: BackupErrorOptions & { readonly tool: string },
): BackupError | undefined {
  // Only lines that name the error: those around them may quote the user's rows.
  const lines = exit.stderr
    .split("\n")
    .filter((line) => /error:|ERROR:|FATAL:|PANIC:|database name contains/.test(line));
  const first = lines[0]?.trim();
  if (first === undefined || exit.outOfMemory) return undefined;
  const text = lines.join("\n");
  const state = /(?:ERROR|FATAL): {2}([0-9A-Z]{5}): /.exec(text)?.[1];
  const verdict =
    byOutput.find(([pattern]) => pattern.test(text))?.[1] ?? (state === undefined ? undefined : byStateOrClass(state));
  const { tool, ...options } = context;
  return new BackupError(verdict?.reason ?? "tool-failed", `${tool}: ${first}`, {
    ...options,
    ...(verdict?.hint !== undefined && { hint: verdict.hint }),
    ...(state !== undefined && { details: { code: state } }),
  });
}
