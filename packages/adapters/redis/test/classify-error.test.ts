import { BackupError, type BackupErrorReason } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { classifyError } from "../src/classify-error.ts";

const withCode = (message: string, code: string): Error => Object.assign(new Error(message), { code });

test.each<[unknown, BackupErrorReason, RegExp]>([
  [
    new Error("WRONGPASS invalid username-password pair or user is disabled."),
    "authentication",
    /`username` and `password`/,
  ],
  [new Error("NOAUTH Authentication required."), "authentication", /`password`/],
  [new Error("ERR invalid password"), "authentication", /`password`/],
  [
    new Error(
      "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    ),
    "authentication",
    /remove the setting `password`/,
  ],
  [new Error("NOPERM User backup has no permissions to run the 'bgsave' command"), "permission", /ACL SETUSER/],
  [new Error("ERR unknown command 'CONFIG', with args beginning with: 'GET' 'dir' "), "unsupported", /`commands`/],
  [new Error("ERR unknown subcommand 'FOO'. Try CONFIG HELP."), "unsupported", /`commands`/],
  [
    new Error("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."),
    "no-space",
    /refuses writes/,
  ],
  [
    new Error("ERR Can't execute an AOF background rewriting. Please check the server logs for more information."),
    "tool-failed",
    /log/,
  ],
  [new Error("LOADING Redis is loading the dataset in memory"), "connection", /loaded/],
  [
    new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
    "connection",
    /replication/,
  ],
  [
    new Error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
    "timeout",
    /SCRIPT KILL/,
  ],
  [new Error("OOM command not allowed when used memory > 'maxmemory'."), "no-space", /maxmemory/],
  [new Error("READONLY You can't write against a read only replica."), "unsupported", /master/],
  [new Error("ERR max number of clients reached"), "connection", /maxclients/],
  [
    new Error("DENIED Redis is running in protected mode because protected mode is enabled"),
    "connection",
    /protected mode/,
  ],
  [withCode("connect ECONNREFUSED 127.0.0.1:6379", "ECONNREFUSED"), "connection", /`container`/],
  [withCode("getaddrinfo ENOTFOUND redis", "ENOTFOUND"), "connection", /`host`/],
  [withCode("connect ETIMEDOUT", "ETIMEDOUT"), "timeout", /reached/],
  [new Error("Connection is closed."), "connection", /log/],
  [withCode("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"), "connection", /`tls`/],
])("%s", (thrown, reason, hint) => {
  const error = classifyError(thrown, { operation: "redis.test", database: "cache" });
  expect(error.reason).toBe(reason);
  expect(error.hint).toMatch(hint);
  expect(error.database).toBe("cache");
});

test("what is a BackupError stays one; what is not known is unknown", () => {
  const own = new BackupError("corrupt", "x");
  expect(classifyError(own)).toBe(own);
  expect(classifyError(new Error("something else")).reason).toBe("unknown");
  expect(classifyError(new DOMException("aborted", "AbortError")).reason).toBe("cancelled");
});

test("the client's error is not kept as the cause: it carries the command's arguments", () => {
  const thrown = Object.assign(new Error("WRONGPASS no"), { command: { name: "auth", args: ["hunter2"] } });
  expect(classifyError(thrown).cause).toBeUndefined();
});
