import { BackupError, type BackupErrorReason } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { AnswerError } from "@sutazai/backup-http";
import { classifyError } from "../src/classify-error.ts";

const networkError = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:8000`), { code });

const cases: readonly (readonly [BackupErrorReason, Error])[] = [
  ["authentication", new AnswerError(401, "the server answered with status 401")],
  ["authentication", new AnswerError(403, "Forbidden")],
  ["not-found", new AnswerError(404, "Collection [nope] does not exist")],
  ["not-found", new AnswerError(404, "Tenant [nope] not found")],
  ["corrupt", new AnswerError(500, "Error executing plan: Error finding id")],
  ["corrupt", new AnswerError(500, "error returned from database: (code: 11) database disk image is malformed")],
  ["no-space", new AnswerError(500, "error returned from database: (code: 13) database or disk is full")],
  ["no-space", new AnswerError(500, "No space left on device (os error 28)")],
  ["locked", new AnswerError(500, "error returned from database: (code: 5) database is locked")],
  ["locked", new AnswerError(409, "Collection [x] already exists")],
  ["unsupported", new AnswerError(413, "length limit exceeded")],
  ["unsupported", new AnswerError(422, "Failed to deserialize the JSON body into the target type")],
  ["unsupported", new AnswerError(410, "The v1 API is deprecated. Please use /v2 apis")],
  ["unsupported", new AnswerError(501, "Unimplemented: Sparse vector is not supported for local chroma: sp")],
  ["connection", new AnswerError(503, "the server answered with status 503")],
  ["connection", new AnswerError(502, "Bad Gateway")],
  ["timeout", new AnswerError(504, "Gateway Timeout")],
  ["tool-failed", new AnswerError(500, "something else")],
  ["connection", networkError("ECONNREFUSED")],
  ["connection", networkError("ENOTFOUND")],
  ["connection", networkError("ECONNRESET")],
  ["connection", new Error("socket hang up")],
  ["connection", new Error("self-signed certificate in certificate chain")],
  ["timeout", networkError("ETIMEDOUT")],
  ["cancelled", new DOMException("aborted", "AbortError")],
];

describe("what a server answers, and what fails on the way to it", () => {
  test.each(cases)("is %s: %s", (reason, error) => {
    const found = classifyError(error, { operation: "chromadb.call", database: "chroma" });
    expect(found).toMatchObject({ reason, database: "chroma" });
    expect(found.hint === undefined).toBe(reason === "cancelled");
  });

  test("keeps what is told already", () => {
    const error = new BackupError("no-space", "full", { operation: "a", database: "b", hint: "c" });
    expect(classifyError(error, { operation: "x", database: "y" })).toBe(error);
  });
});
