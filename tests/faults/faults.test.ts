// What faults come to on real servers: some rows of docs/faults.md are tried again, all in `npm run test:full`.
import type { ServerKindName } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultBench, operations, type Operation } from "./bench.ts";
import { chosen } from "./choose.ts";
import { faults } from "./faults.ts";
import { tryFault } from "./run-faults.ts";
import { published } from "./table.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";

const documented = await published.read();
const rows = [...documented.keys()];
const kinds = [...new Set(rows.map((row) => row.split(" | ")[1] as ServerKindName))];
const some = (count: number, ...words: readonly string[]) =>
  chosen(
    rows.filter((row) => words.every((word) => row.includes(word))),
    count,
    (row) => row,
  );
const tried = full
  ? rows
  : new Set([
      ...faults.flatMap(({ name }) => some(1, `| ${name}`)),
      ...kinds.flatMap((kind) => some(1, "restore | ", `| ${kind} |`, "kill -9")),
      ...kinds.flatMap((kind) => some(1, "restore | ", `| ${kind} |`, "database killed")),
    ]);

let bench: FaultBench;
beforeAll(async () => {
  bench = await FaultBench.make(kinds);
});
afterAll(() => bench[Symbol.asyncDispose]());

test("every fault is in docs/faults.md, in every operation that it can meet", () => {
  const met = new Set(rows.map((row) => row.replace(/ \|.*\|/, ":")));
  const all = faults.flatMap(({ name, of }) => operations.filter(of).map((operation) => `${operation}: ${name}`));
  expect([...met].toSorted()).toEqual(all.toSorted());
});

test.each([...tried])("%s", async (row) => {
  const [operation, kind, at, name] = row.split(" | ") as [Operation, ServerKindName, string, string];
  const fault = faults.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`docs/faults.md names a fault that is none: ${name}`);
  const finding = await tryFault(bench, fault, { operation, kind, at });
  expect(finding.wrong, JSON.stringify(finding)).toEqual([]);
  // How far things had come decides which sound end it has: the table tells of those that were seen.
  if (documented.get(row)?.has(finding.outcome) !== true)
    console.log(`not in docs/faults.md: ${row} | ${finding.outcome}`);
});
