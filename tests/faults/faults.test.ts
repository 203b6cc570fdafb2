// What faults come to on real servers: some rows of docs/faults.md are tried again, all in `npm run test:full`.
import type { ServerKindName } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultBench, operations, type Operation } from "./bench.ts";
import { chosen } from "./choose.ts";
import { faults } from "./faults.ts";
import { tryFault } from "./run-faults.ts";
import { cellsOf, published } from "./table.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";
const kinds: readonly ServerKindName[] = ["redis", "faiss"];

const documented = await published.read();
const rows = [...documented.keys()]
  .map((row) => row.split(" | ") as [Operation, ServerKindName, string, string])
  .filter(([, kind]) => kinds.includes(kind));
// One of each fault at the least.
const tried = full
  ? rows
  : faults.flatMap(({ name }) =>
      chosen(
        rows.filter(([, , , fault]) => fault === name),
        1,
        (row) => row.join(" "),
      ),
    );

let bench: FaultBench;
beforeAll(async () => {
  bench = await FaultBench.make(kinds);
});
afterAll(() => bench[Symbol.asyncDispose]());

test("every fault is in docs/faults.md, in every operation that it can meet", () => {
  const met = new Set(rows.map(([operation, , , fault]) => `${operation}: ${fault}`));
  const all = faults.flatMap(({ name, of }) => operations.filter(of).map((operation) => `${operation}: ${name}`));
  expect([...met].toSorted()).toEqual(all.toSorted());
});

test.each(tried)("%s of %s, %s: %s", async (operation, kind, at, name) => {
  const fault = faults.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`docs/faults.md names a fault that is none: ${name}`);
  const finding = await tryFault(bench, fault, { operation, kind, at });
  expect(finding.wrong, JSON.stringify(finding)).toEqual([]);
  const outcomes = documented.get(cellsOf(finding).join(" | "));
  expect([...(outcomes ?? [])], JSON.stringify(finding)).toContain(finding.outcome);
});
