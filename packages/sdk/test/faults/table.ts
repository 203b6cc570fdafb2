// Writes docs/faults.md from a run of every fault: `node packages/sdk/test/faults/table.ts`.
import { readFile, writeFile } from "node:fs/promises";
import { FaultBench, operations } from "./bench.ts";
import { runFaults, type Finding } from "./run-faults.ts";

export const faultsFile: URL = new URL("../../../../docs/faults.md", import.meta.url);
const begin = "<!-- from a run: packages/sdk/test/faults/table.ts -->";

/** `operation | step | fault`, with every way in which it ended. */
export type Outcomes = Map<string, Set<string>>;

export function outcomesOf(findings: readonly Pick<Finding, "operation" | "step" | "fault" | "outcome">[]): Outcomes {
  const outcomes: Outcomes = new Map();
  for (const { operation, step, fault, outcome } of findings) {
    const row = [operation, step, fault].join(" | ");
    outcomes.set(row, (outcomes.get(row) ?? new Set()).add(outcome));
  }
  return outcomes;
}

/** What the document says. */
export async function documentedOutcomes(): Promise<Outcomes> {
  const rows = (await readFile(faultsFile, "utf8"))
    .split("\n")
    .filter((line) => operations.some((operation) => line.startsWith(`| ${operation} `)))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return new Map(
    rows.map(([, operation, step, fault, ended]) => [
      [operation, step, fault].join(" | "),
      new Set((ended ?? "").split("; ")),
    ]),
  );
}

async function write(): Promise<void> {
  await using bench = await FaultBench.make();
  const findings: Finding[] = [];
  const every = Number(process.argv[2] ?? 1);
  for await (const finding of runFaults(bench, { every, seed: 1 })) {
    findings.push(finding);
    if (finding.wrong.length > 0) process.stderr.write(`${JSON.stringify(finding)}\n`);
  }
  process.stderr.write(`${findings.length} faults\n`);
  const rows = [...outcomesOf(findings)].map(([row, outcomes]) => `| ${row} | ${[...outcomes].sort().join("; ")} |`);
  const text = await readFile(faultsFile, "utf8");
  const head = text.slice(0, text.indexOf(begin) + begin.length);
  const table = ["| operation | step | fault | how it ended |", "| --- | --- | --- | --- |", ...rows];
  await writeFile(faultsFile, `${head}\n\n${table.join("\n")}\n`);
}

if (import.meta.main) await write();
