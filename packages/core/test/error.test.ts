import { inspect } from "node:util";
import { expect, test } from "vitest";
import { BackupError, isBackupError, redact, Secret, toBackupError } from "../src/index.ts";

const errno = (code: string) => Object.assign(new Error(`it says ${code}`), { code });

test.each([
  [errno("ENOSPC"), "no-space"],
  [errno("EACCES"), "permission"],
  [errno("ECONNREFUSED"), "connection"],
  [errno("ETIMEDOUT"), "timeout"],
  [new DOMException("aborted", "AbortError"), "cancelled"],
  [Object.assign(new Error("aborted"), { code: "ABORT_ERR" }), "cancelled"],
  [new DOMException("took too long", "TimeoutError"), "timeout"],
  [new Error("odd"), "unknown"],
  ["not even an error", "unknown"],
])("%s becomes a BackupError", (thrown, reason) => {
  const error = toBackupError(thrown, { database: "db", hint: "do this" });
  expect(error).toMatchObject({ reason, database: "db", hint: "do this", cause: thrown });
  expect(isBackupError(error)).toBe(true);
});

test("a disk that fails has a hint, unless there is a better one", () => {
  expect(toBackupError(errno("EIO")).hint).toContain("dmesg");
  expect(toBackupError(errno("EIO"), { hint: "do this" }).hint).toBe("do this");
  expect(toBackupError(errno("EACCES")).hint).toBeUndefined();
});

test("an abort that was a time limit stays a timeout", () => {
  const limit = new BackupError("timeout", "too long");
  const abort = Object.assign(new Error("aborted", { cause: limit }), { name: "AbortError" });
  expect(toBackupError(abort)).toMatchObject({ reason: "timeout", message: "too long" });
});

test("what failed first is what is told, also where it could not be cleared away", async () => {
  const work = async () => {
    await using _held = { [Symbol.asyncDispose]: async () => Promise.reject(new Error("the disk is gone")) };
    throw new BackupError("cancelled", "cancelled", { operation: "backup", hint: "begin again" });
  };
  const thrown = await work().catch((error: unknown) => error);
  expect(toBackupError(thrown, { database: "db" }).toJSON()).toEqual({
    reason: "cancelled",
    message: "cancelled; then the disk is gone",
    operation: "backup",
    database: "db",
    hint: "begin again",
  });
});

test("a BackupError keeps what it says and gains what it lacks", () => {
  const original = new BackupError("locked", "busy", { hint: "wait" });
  expect(toBackupError(original)).toBe(original);
  expect(toBackupError(original, { database: "db", hint: "other" }).toJSON()).toEqual({
    reason: "locked",
    message: "busy",
    hint: "wait",
    database: "db",
  });
  expect(original.isRetryable).toBe(true);
});

test("is recognised across copies of the package, and nothing else is", async () => {
  // As a string of its own, for the compiler knows no query.
  const another = "../src/error.ts?copy";
  const copy: typeof import("../src/error.ts") = await import(another);
  expect(copy.BackupError).not.toBe(BackupError);
  expect(isBackupError(new copy.BackupError("corrupt", "x"))).toBe(true);
  for (const other of [new Error("x"), { name: "BackupError" }, null, undefined, "x"])
    expect(isBackupError(other)).toBe(false);
});

test("a secret shows itself to nobody who does not ask", () => {
  const secret = new Secret("hunter2");
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: { secret } }),
    String(Object.values(secret)),
  ];
  expect(shown.join()).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
  expect(redact("password hunter2 is wrong: hunter2", [secret, undefined, new Secret("")])).toBe(
    "password **redacted** is wrong: **redacted**",
  );
});
