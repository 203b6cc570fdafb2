import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FaultBench } from "./bench.ts";
import { runFaults, type Finding } from "./run-faults.ts";
import { published, rowsOf } from "./table.ts";

// Each trial is a store of its own, with fsyncs: a share of them here, every single one in `npm run test:full`, as for the table.
const every = process.env["BACKUP_TEST_FULL"] === "1" ? 1 : 63;

let bench: FaultBench;
let findings: Finding[];
beforeAll(async () => {
  bench = await FaultBench.make();
  findings = [];
  for await (const finding of runFaults(bench, { every, seed: 1 })) findings.push(finding);
}, 3_600_000);
afterAll(() => bench[Symbol.asyncDispose]());

describe("a fault at any step of a backup, a restore, a drill, a verify and a prune", () => {
  test("leaves every backup whole, nothing half-made, and the database as before or as restored", () => {
    expect(findings.length).toBeGreaterThan(60);
    expect(findings.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  });

  test("that never answers is ended by the time limit", () => {
    const stuck = findings.filter(({ fault }) => fault.startsWith("stuck"));
    expect(stuck.map(({ operation, step, outcome }) => [operation, step, outcome])).toEqual([
      ["backup", "store: write", "failed"],
      ["backup", "store: readBack", "failed"],
      ["restore", "store: write", "failed, untouched"],
      ["restore", "store: read", "failed, untouched"],
      ["restore", "store: readBack", "failed, untouched"],
    ]);
  });

  // Which of a step's calls a share takes changes with their number, and so may the outcomes: that every step and fault is told of is what a share can hold.
  test("every step and fault is in docs/faults.md", async () => {
    const documented = await published.read();
    for (const row of rowsOf(findings).keys()) expect([...documented.keys()], row).toContain(row);
  });
});
