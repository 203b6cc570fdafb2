import { BackupError } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { AnswerError, classifyHttp, commonRules, placeOf, type HttpRule } from "../src/index.ts";

const own: HttpRule = { status: [503], pattern: /ECONNRESET/, reason: "locked", hint: "of this kind" };

describe("classifyHttp", () => {
  test("takes the first rule that fits, and keeps what the context tells", () => {
    const context = { operation: "x.call", database: "db", details: { path: "/y" } };
    expect(classifyHttp(new AnswerError(503, "busy"), [own, ...commonRules], context)).toMatchObject({
      reason: "locked",
      hint: "of this kind",
      operation: "x.call",
      database: "db",
      details: { path: "/y", status: 503 },
    });
    expect(classifyHttp(new AnswerError(503, "busy"), commonRules)).toMatchObject({ reason: "connection" });
  });

  test("looks at a code as well as at a message", () => {
    const reset = Object.assign(new Error("read failed"), { code: "ECONNRESET" });
    expect(classifyHttp(reset, [own])).toMatchObject({ reason: "locked" });
  });

  test("leaves alone what is classified already, and what no rule knows", () => {
    const known = new BackupError("corrupt", "503");
    expect(classifyHttp(known, [own])).toBe(known);
    expect(classifyHttp(new Error("never seen"), commonRules)).toMatchObject({ reason: "unknown" });
  });
});

test.each([
  ["http://db:8000", { protocol: "http:", host: "db", port: 8000, prefix: "", resource: "http://db:8000" }],
  ["http://db/", { protocol: "http:", host: "db", port: 80, prefix: "", resource: "http://db" }],
  ["https://db/a/b/", { protocol: "https:", host: "db", port: 443, prefix: "/a/b", resource: "https://db/a/b" }],
  ["http://[::1]:1/", { protocol: "http:", host: "::1", port: 1, prefix: "", resource: "http://[::1]:1" }],
  ["http://me:secret@db/", { protocol: "http:", host: "db", port: 80, prefix: "", resource: "http://db" }],
])("%s is found at its place, without what is secret in it", (url, place) => {
  expect(placeOf(url)).toEqual(place);
});
