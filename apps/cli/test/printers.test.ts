import { PassThrough } from "node:stream";
import type { BackupEvent } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { jsonPrinter } from "../src/printers/json.ts";
import { formatError, plainPrinter } from "../src/printers/plain.ts";

const at = "2026-11-23T13:00:00.000Z";
const events: readonly BackupEvent[] = [
  { type: "run-start", at, runId: "run", command: "backup", databases: ["db"] },
  { type: "database-start", at, database: "db", kind: "redis" },
  { type: "progress", at, database: "db", step: "saving" },
  { type: "progress", at, database: "db", step: "saving", bytes: 5 },
  { type: "progress", at, database: "db", step: "reading", bytes: 2048 },
  { type: "warning", at, database: "db", message: "odd" },
  {
    type: "database-end",
    at,
    database: "db",
    status: "failed",
    durationMs: 1500,
    error: { reason: "connection", message: "gone" },
  },
  { type: "run-end", at, runId: "run", status: "failed", durationMs: 1500, report: "/report.json" },
];

test("plain: each step once, results alone on standard output", () => {
  const [out, log] = [new PassThrough(), new PassThrough()];
  const printer = plainPrinter(out, log);
  for (const event of events) printer.event(event);
  printer.result("backup-report", {}, () => "the report");
  expect(String(out.read())).toBe("the report\n");
  const lines = String(log.read()).trimEnd().split("\n");
  expect(lines.map((line) => line.replace(/^\S+Z /, ""))).toEqual([
    "backup run: db",
    "db: started",
    "db: saving",
    "db: reading, 2.0 KiB",
    "db: warning: odd",
    "db: failed after 1.5 s: gone",
    "report: /report.json",
  ]);
});

test("plain: a name or a complaint from elsewhere commands no terminal", () => {
  const [out, log] = [new PassThrough(), new PassThrough()];
  const printer = plainPrinter(out, log);
  const hostile = "a\u001B]0;title\u0007\u001B[2Jb\rc\u009B1m";
  const harmless = "a�]0;title��[2Jb�c�1m";
  printer.result("list", {}, () => `one\ttwo\r\n${hostile}\nthree`);
  printer.event({ type: "progress", at, database: "db", step: hostile });
  printer.warning(hostile);
  printer.error({ reason: "unknown", message: hostile, hint: "look" });
  expect(String(out.read())).toBe(`one\ttwo\r\n${harmless}\nthree\n`);
  const lines = String(log.read()).split("\n");
  expect(lines.map((line) => line.replace(/^\S+Z /, ""))).toEqual([
    `db: ${harmless}`,
    `warning: ${harmless}`,
    `sutazai-backup: unknown: ${harmless}`,
    "  → look",
    "",
  ]);
});

test("json: every event and result is a line of its own", () => {
  const out = new PassThrough();
  const printer = jsonPrinter(out);
  for (const event of events) printer.event(event);
  printer.result("backup-report", { report: { status: "failed" } }, () => "");
  printer.error({ reason: "connection", message: "a\nb" });
  const lines = String(out.read())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.slice(0, events.length)).toEqual(events);
  expect(lines.slice(events.length)).toMatchObject([
    { type: "backup-report", report: { status: "failed" } },
    { type: "error", error: { reason: "connection" } },
  ]);
});

test("an error says what to do", () => {
  expect(formatError({ reason: "connection", message: "gone", hint: "start it" })).toBe(
    "sutazai-backup: connection: gone\n  → start it",
  );
});
