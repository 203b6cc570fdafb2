import { readFile } from "node:fs/promises";
import type { BackupErrorReason, DrillReport } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { exitCode, exitCodeOfDrill, exitCodeOfError, exitCodeOfRun } from "../src/exit-codes.ts";

const failed = (reason: BackupErrorReason, state?: string) => ({
  status: "failed" as const,
  error: { reason, message: "" },
  ...(state !== undefined && { state }),
});
const ok = { status: "ok" as const };

test.each([
  ["all well", "ok", [ok, ok], 0],
  ["some failed", "partial", [ok, failed("connection")], 3],
  ["all failed", "failed", [failed("connection")], 1],
  ["all failed, differently", "failed", [failed("connection"), failed("locked")], 1],
  ["all were locked", "failed", [failed("locked"), failed("locked")], 5],
  ["a damaged backup was refused", "failed", [failed("corrupt", "untouched")], 4],
  ["a restore came out different and was rolled back", "failed", [failed("mismatch", "rolled-back")], 1],
  ["a corrupt capture of a backup", "failed", [failed("corrupt")], 1],
  ["cancelled", "cancelled", [failed("cancelled")], 130],
] as const)("%s", (_, status, databases, code) => {
  expect(exitCodeOfRun({ status, databases })).toBe(code);
});

test.each([
  ["all were proven", "ok", ["proven", "proven"], 0],
  ["one was damaged", "partial", ["proven", "damaged"], 6],
  ["one could not be tried", "partial", ["proven", "undecided"], 3],
  ["none could be tried", "failed", ["undecided"], 1],
] as const)("of drills, %s", (_, status, verdicts, code) => {
  const databases = verdicts.map((verdict) => ({ ...(verdict === "proven" ? ok : failed("not-found")), verdict }));
  expect(exitCodeOfDrill({ status, databases } as unknown as DrillReport)).toBe(code);
});

test.each([
  ["configuration", 2],
  ["refused", 4],
  ["locked", 5],
  ["cancelled", 130],
  ["connection", 1],
  ["unknown", 1],
] as const)("an error of reason %s is %d", (reason, code) => {
  expect(exitCodeOfError({ reason })).toBe(code);
});

test("every code is documented", async () => {
  const document = await readFile(new URL("../../../docs/exit-codes.md", import.meta.url), "utf8");
  const documented = [...document.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(documented).toEqual(Object.values(exitCode));
});
