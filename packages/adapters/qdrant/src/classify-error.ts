import type { BackupError, BackupErrorOptions } from "@sutazai/backup-core";
import { classifyHttp, commonRules, type HttpRule } from "@sutazai/backup-http";

/** What a server answers, in the order in which it is looked for. */
const rules: readonly HttpRule[] = [
  {
    status: [401],
    reason: "authentication",
    hint: "set `apiKey` of this database to the key that the server was started with",
  },
  { status: [403], reason: "permission", hint: "set `apiKey` to a key that may write: snapshots have to be made" },
  {
    pattern: /no space left|os error 28|disk (is )?full|ENOSPC|disk quota/i,
    reason: "no-space",
    hint: "free space on the server's disk: a snapshot takes as much room again as its collection",
  },
  {
    pattern: /checksum mismatch/i,
    reason: "corrupt",
    hint: "what arrived at the server is not what was sent: run it again; if it stays so, use another backup",
  },
  {
    pattern: /failed to unpack|malformed tar|not a valid snapshot|failed to (read|open) archive|numeric field/i,
    reason: "corrupt",
    hint: "the server does not take this snapshot for one: use another backup",
  },
  {
    pattern: /not compatible with existing collection/i,
    reason: "unsupported",
    hint: "another client has made a collection of this name meanwhile: keep writers away and run it again",
  },
  { status: [404], reason: "not-found", hint: "another client removed it meanwhile: run it again" },
  {
    status: [409],
    reason: "locked",
    hint: "another client changes the same collections: keep writers away and run it again",
  },
  { status: [413], reason: "unsupported", hint: "raise the server's `service.max_request_size_mb`" },
  ...commonRules,
];

/** Makes a `BackupError` of what a Qdrant server answered or a connection to it threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  return classifyHttp(thrown, rules, context);
}
