// Tries faults on real servers and writes the second table of docs/faults.md: `node tests/faults/table.ts <kinds> [steps a fault] [faults]`.
// Rows of what this run does not try stay as they are.
import type { ServerKindName } from "@sutazai/backup-testkit";
import { outcomesOf, PublishedTable, rowOf, type Outcomes } from "../../packages/sdk/test/faults/published.ts";
import { FaultBench, operations } from "./bench.ts";
import { chosen } from "./choose.ts";
import { faults } from "./faults.ts";
import { momentsOf, stepsOf, tryFault, type Finding } from "./run-faults.ts";

export const published = new PublishedTable("tests/faults/table.ts", ["operation", "database", "step", "fault"]);

export const cellsOf = ({ operation, database, step, fault }: Finding): readonly string[] => [
  operation,
  database,
  step,
  fault,
];

interface Wanted {
  readonly stepsAFault: number;
  /** Of which names. */
  readonly faults: RegExp;
}

/** Every step of every operation with a kill; with each other fault so many of its steps. */
async function* tryFaults(bench: FaultBench, kind: ServerKindName, wanted: Wanted): AsyncGenerator<Finding> {
  for (const operation of operations) {
    const steps = stepsOf(await momentsOf(bench, operation, kind));
    for (const fault of faults.filter(({ of, name }) => of(operation) && wanted.faults.test(name))) {
      const some = chosen(steps, wanted.stepsAFault, (step) => rowOf([operation, kind, step, fault.name]));
      for (const at of fault.deed?.do === "die" ? steps : some) {
        yield await tryFault(bench, fault, { operation, kind, at });
      }
    }
  }
}

async function write(): Promise<void> {
  const [kinds = "redis", stepsAFault = "1", name = ""] = process.argv.slice(2);
  for (const kind of kinds.split(",") as ServerKindName[]) {
    await using bench = await FaultBench.make([kind]);
    const findings: Finding[] = [];
    for await (const finding of tryFaults(bench, kind, {
      stepsAFault: Number(stepsAFault),
      faults: new RegExp(name),
    })) {
      findings.push(finding);
      process.stderr.write(`${JSON.stringify(finding)}\n`);
    }
    const rows: Outcomes = new Map([...(await published.read()), ...outcomesOf(findings, cellsOf)]);
    await published.write(new Map([...rows].toSorted(([a], [b]) => orderOf(a) - orderOf(b))));
  }
}

/** By operation and kind; steps and faults in the order in which they came. */
function orderOf(row: string): number {
  const [operation, kind] = row.split(" | ");
  return operations.findIndex((each) => each === operation) * 10 + kinds.indexOf(kind ?? "");
}

const kinds: readonly string[] = ["postgres", "redis", "neo4j", "qdrant", "chromadb", "faiss"];

if (import.meta.main) await write();
