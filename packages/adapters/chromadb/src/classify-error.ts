import type { BackupError, BackupErrorOptions } from "@sutazai/backup-core";
import { classifyHttp, commonRules, type HttpRule } from "@sutazai/backup-http";

/** What a server answers, in the order in which it is looked for. */
const rules: readonly HttpRule[] = [
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
  { status: [405, 410, 501], reason: "unsupported", hint: "the server's version of the API is not v2: use Chroma 1.x" },
  ...commonRules,
];

/** Makes a `BackupError` of what a Chroma server answered or a connection to it threw. Pure. */
export function classifyError(thrown: unknown, context: BackupErrorOptions = {}): BackupError {
  return classifyHttp(thrown, rules, context);
}
