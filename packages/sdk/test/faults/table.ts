// Writes the first table of docs/faults.md from a run of every fault: `node packages/sdk/test/faults/table.ts`.
import { FaultBench } from "./bench.ts";
import { outcomesOf, PublishedTable, type Outcomes } from "./published.ts";
import { runFaults, type Finding } from "./run-faults.ts";

export const published = new PublishedTable("packages/sdk/test/faults/table.ts", ["operation", "step", "fault"]);

export function rowsOf(findings: readonly Finding[]): Outcomes {
  return outcomesOf(findings, ({ operation, step, fault }) => [operation, step, fault]);
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
  await published.write(rowsOf(findings));
}

if (import.meta.main) await write();
