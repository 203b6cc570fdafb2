import type { BackupErrorReason } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { classifyError, classifyToolExit } from "../src/classify-error.ts";

const context = { operation: "postgres.query", database: "main" };

function thrown(code: string | undefined, message = "it failed"): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

describe("what the client throws", () => {
  test.each<[string | undefined, string, BackupErrorReason]>([
    ["28P01", 'password authentication failed for user "app"', "authentication"],
    ["28000", "no pg_hba.conf entry", "authentication"],
    [undefined, "SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string", "authentication"],
    ["3D000", 'database "x" does not exist', "not-found"],
    ["42501", "permission denied", "permission"],
    ["53100", "could not extend file", "no-space"],
    ["53300", "sorry, too many clients already", "connection"],
    ["57P03", "the database system is starting up", "connection"],
    ["57P01", "terminating connection due to administrator command", "connection"],
    ["08006", "connection failure", "connection"],
    ["55P03", "canceling statement due to lock timeout", "timeout"],
    ["55006", 'database "x" is being accessed by other users', "timeout"],
    ["40P01", "deadlock detected", "timeout"],
    ["57014", "canceling statement due to statement timeout", "timeout"],
    ["0A000", "not supported", "unsupported"],
    ["XX001", "invalid page in block 1", "corrupt"],
    ["42601", "syntax error", "unknown"],
    ["ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1", "connection"],
    ["ENOTFOUND", "getaddrinfo ENOTFOUND x", "connection"],
    [undefined, "Connection terminated unexpectedly", "connection"],
    [undefined, "something else", "unknown"],
  ])("%s: %s is `%s`", (code, message, reason) => {
    const error = classifyError(thrown(code, message), context);
    expect(error).toMatchObject({ reason, ...context, message });
    const advises = reason !== "unknown" && reason !== "unsupported";
    expect(error.hint !== undefined).toBe(advises);
  });
});

describe("what a tool writes when it fails", () => {
  test.each<[string, BackupErrorReason]>([
    [
      'pg_dump: error: connection to server at "10.0.0.2", port 5432 failed: FATAL:  password authentication failed for user "app"',
      "authentication",
    ],
    ['pg_dump: error: connection to server at "10.0.0.2", port 5432 failed: Connection refused', "connection"],
    ["pg_dump: error: query failed: ERROR:  permission denied for table secrets", "permission"],
    ["pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout", "timeout"],
    ["pg_dump: error: aborting because of server version mismatch", "incompatible-version"],
    ["pg_dump: error: query failed: server closed the connection unexpectedly", "connection"],
    ['psql:<stdin>:12: ERROR:  53100: could not extend file "base/1/2": No space left on device', "no-space"],
    ['psql:<stdin>:12: ERROR:  42P01: relation "x" does not exist', "tool-failed"],
    ["psql:<stdin>:12: ERROR:  42501: permission denied to create role", "permission"],
    ["psql:<stdin>:3: error: backslash commands are restricted", "tool-failed"],
    ['database name contains a newline or carriage return: "a', "unsupported"],
  ])("%s is `%s`", (stderr, reason) => {
    const error = classifyToolExit({ code: 1, outOfMemory: false, stderr }, { tool: "pg_dump", ...context });
    expect(error).toMatchObject({ reason, ...context });
    expect(error?.message).toContain(stderr);
  });

  test("rows that it quotes are not passed on", () => {
    const stderr =
      'psql:<stdin>:7: ERROR:  22P02: invalid input syntax\nCONTEXT:  COPY t, line 1, column a: "a secret"\n';
    const error = classifyToolExit({ code: 3, outOfMemory: false, stderr }, { tool: "psql", ...context });
    expect(error?.message).toBe("psql: psql:<stdin>:7: ERROR:  22P02: invalid input syntax");
    expect(error?.details).toEqual({ code: "22P02" });
  });

  test("nothing telling is left to the caller", () => {
    expect(classifyToolExit({ code: 137, outOfMemory: false, stderr: "" }, { tool: "psql" })).toBeUndefined();
    expect(classifyToolExit({ code: 1, outOfMemory: true, stderr: "x: error: y" }, { tool: "psql" })).toBeUndefined();
  });
});
