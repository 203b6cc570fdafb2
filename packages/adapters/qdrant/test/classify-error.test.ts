import { BackupError, type BackupErrorReason } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { AnswerError } from "@sutazai/backup-http";
import { classifyError } from "../src/classify-error.ts";

const networkError = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:6333`), { code });

const cases: readonly (readonly [BackupErrorReason, Error])[] = [
  ["authentication", new AnswerError(401, "Invalid API key or JWT")],
  ["authentication", new AnswerError(401, "Must provide an API key or an Authorization bearer token")],
  ["permission", new AnswerError(403, "Forbidden: Global manage access is required")],
  ["not-found", new AnswerError(404, "Not found: Collection `nope` doesn't exist!")],
  ["not-found", new AnswerError(404, "Not found: Snapshot nope.snapshot not found")],
  ["corrupt", new AnswerError(400, "Checksum mismatch: expected 8a44, actual 0000")],
  [
    "corrupt",
    new AnswerError(500, "Service internal error: File IO error: failed to unpack `/qdrant/storage/tmp/x.tar`"),
  ],
  [
    "corrupt",
    new AnswerError(500, "Service internal error: File IO error: Malformed tar archive, reached unknown entry"),
  ],
  ["unsupported", new AnswerError(400, "Wrong input: Snapshot is not compatible with existing collection: …")],
  ["no-space", new AnswerError(500, "Service internal error: File IO error: No space left on device (os error 28)")],
  ["no-space", new AnswerError(500, "Service internal error: failed to unpack `x`: No space left on device")],
  ["locked", new AnswerError(409, "Wrong input: Collection `articles` already exists!")],
  ["unsupported", new AnswerError(413, "Payload too large")],
  ["unsupported", new AnswerError(422, "Validation error in JSON body")],
  ["connection", new AnswerError(503, "the server answered with status 503")],
  ["connection", new AnswerError(502, "Bad Gateway")],
  ["timeout", new AnswerError(504, "Gateway Timeout")],
  ["tool-failed", new AnswerError(500, "Service internal error: something else")],
  ["connection", networkError("ECONNREFUSED")],
  ["connection", networkError("ENOTFOUND")],
  ["connection", networkError("ECONNRESET")],
  ["connection", networkError("EPIPE")],
  ["connection", new Error("socket hang up")],
  ["connection", new Error("self-signed certificate in certificate chain")],
  [
    "connection",
    Object.assign(new Error("Hostname/IP does not match certificate's altnames"), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    }),
  ],
  [
    "connection",
    Object.assign(new Error("write EPROTO 00B8:error:0A00010B:SSL routines:wrong version number"), { code: "EPROTO" }),
  ],
  ["timeout", networkError("ETIMEDOUT")],
  ["timeout", new Error("the server timed out: it said nothing for a minute")],
];

describe("what a server answers is told as a reason, with what to do", () => {
  test.each(cases)("%s: %s", (reason, thrown) => {
    const error = classifyError(thrown, { operation: "qdrant.call", database: "vectors" });
    expect(error).toMatchObject({ reason, message: thrown.message, operation: "qdrant.call", database: "vectors" });
    expect(error.hint).toMatch(/\w/);
  });

  test("an abort stays one, and so does what is classified already", () => {
    const abort = Object.assign(new Error("aborted"), { name: "AbortError" });
    expect(classifyError(abort)).toMatchObject({ reason: "cancelled" });
    const known = new BackupError("mismatch", "known");
    expect(classifyError(known)).toBe(known);
  });

  test("what nobody knows is `unknown`", () => {
    expect(classifyError(new Error("never seen"))).toMatchObject({ reason: "unknown" });
  });
});
