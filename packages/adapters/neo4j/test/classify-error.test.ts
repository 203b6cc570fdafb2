import { BackupError, type BackupErrorReason } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { classifyError, classifyToolExit } from "../src/classify-error.ts";

function thrown(message: string, code = ""): Error {
  return Object.assign(new Error(message), { code });
}

describe("what a server or the way to it says", () => {
  test.each<[error: Error, reason: BackupErrorReason]>([
    [
      thrown("The client is unauthorized due to authentication failure.", "Neo.ClientError.Security.Unauthorized"),
      "authentication",
    ],
    [
      thrown("incorrect authentication details too many times", "Neo.ClientError.Security.AuthenticationRateLimit"),
      "authentication",
    ],
    [
      thrown(
        "Permission denied. The credentials you provided were valid, but must be changed",
        "Neo.ClientError.Security.CredentialsExpired",
      ),
      "authentication",
    ],
    [thrown("Executing admin procedure is not allowed", "Neo.ClientError.Security.Forbidden"), "permission"],
    [thrown("Graph not found: x", "Neo.ClientError.Database.DatabaseNotFound"), "not-found"],
    [thrown("Database 'neo4j' is unavailable.", "Neo.TransientError.General.DatabaseUnavailable"), "connection"],
    [
      thrown(
        "The allocation of an extra 2.0 MiB would use more than the limit",
        "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
      ),
      "tool-failed",
    ],
    [thrown("Invalid input 'YIELD'", "Neo.ClientError.Statement.SyntaxError"), "unsupported"],
    [thrown("Failed to connect to server. connect ECONNREFUSED 127.0.0.1:1", "ServiceUnavailable"), "connection"],
    [thrown("Connection was closed by server", "SessionExpired"), "connection"],
    [thrown("self-signed certificate", "ServiceUnavailable"), "connection"],
    [thrown("getaddrinfo ENOTFOUND nowhere", "ENOTFOUND"), "connection"],
    [thrown("Failed to establish connection in 10000ms: timed out"), "timeout"],
    [thrown("something else"), "unknown"],
  ])("%s is %s", (error, reason) => {
    const classified = classifyError(error, { operation: "neo4j.query", database: "graph" });
    expect(classified).toMatchObject({ reason, operation: "neo4j.query", database: "graph" });
    expect(classified.hint === undefined).toBe(reason === "unknown");
    expect(classified.cause).toBeUndefined();
  });

  test("what is classified already stays as it is, and an abort is a cancellation", () => {
    const error = new BackupError("corrupt", "x", { database: "graph" });
    expect(classifyError(error)).toBe(error);
    expect(classifyError(new DOMException("aborted", "AbortError")).reason).toBe("cancelled");
  });
});

describe("what neo4j-admin says", () => {
  test.each<[stderr: string, reason: BackupErrorReason]>([
    ["The database is in use. Stop database 'neo4j' and try again.", "locked"],
    ["org.neo4j.cli.CommandFailedException: No space left on device", "no-space"],
    [
      "Active logical log detected, this might be a source of inconsistencies. Please start database and perform clean shutdown",
      "tool-failed",
    ],
    ["Transaction logs are missing and recovery is not possible.", "tool-failed"],
    ["Database does not exist: shop", "not-found"],
    ["Inconsistencies found. See '/tmp/tmp.x/inconsistencies.report' for details.", "corrupt"],
    ["Not a valid Neo4j archive: -", "corrupt"],
    ["com.github.luben.zstd.ZstdIOException: Restored data doesn't match checksum", "corrupt"],
    ["Unknown store version 'record-aligned-9.9'", "incompatible-version"],
    ["java.nio.file.AccessDeniedException: /data/databases/neo4j", "permission"],
    ["sh: 11: neo4j-admin: not found", "tool-missing"],
  ])("%s: %s", (stderr, reason) => {
    const classified = classifyToolExit({ stderr: `Selecting JVM\n${stderr}\n` }, { operation: "neo4j.dump" });
    expect(classified).toMatchObject({ reason, message: stderr, hint: expect.any(String) });
  });

  test("of an inconsistent store it is its last word that is told, not its log", () => {
    const last = "Inconsistencies found. See '/tmp/x/inconsistencies.report' for details.";
    const stderr = `WARN  [o.n.c.ConsistencyCheckService] Inconsistencies found: ConsistencySummaryStatistics {\n}\n${last}\n`;
    expect(classifyToolExit({ stderr }, {})).toMatchObject({ reason: "corrupt", message: last });
  });

  test("a lack of memory speaks against no backup", () => {
    const stderr = "java.lang.OutOfMemoryError: Java heap space";
    expect(classifyToolExit({ stderr }, { details: { database: "neo4j" } })).toMatchObject({
      reason: "tool-failed",
      details: { outOfMemory: true, database: "neo4j" },
    });
  });

  test("its own words stay where they are the best there is", () => {
    expect(classifyToolExit({ stderr: "Failed for a reason of its own" }, {})).toBeUndefined();
  });
});
