import type { ServerKindName } from "@sutazai/backup-testkit";
import { linesOf, type CliResult } from "../system/platform.ts";
import type { FaultBench, Operation } from "./bench.ts";
import { deedOf, disturb, type Fault } from "./faults.ts";
import { judge } from "./judge.ts";
import type { At, Moment } from "./moments.ts";

/** One fault at one moment of one operation, how it ended, and what was not as it must be after the next command. */
export interface Finding {
  readonly operation: Operation;
  readonly database: ServerKindName;
  readonly step: string;
  readonly fault: string;
  readonly outcome: string;
  readonly wrong: readonly string[];
  /** Where exactly, and the error's words: for who wants to see it again. */
  readonly at: string;
  readonly said: string;
}

/** Every moment of an operation that nothing disturbs. */
export async function momentsOf(bench: FaultBench, operation: Operation, kind: ServerKindName): Promise<Moment[]> {
  await bench.begin(kind);
  const running = bench.start(operation, kind);
  const { code, stdout } = await running.end;
  if (code !== 0) throw new Error(`${operation} of ${kind} ends with ${code} without any fault: ${stdout}`);
  return [...running.moments];
}

/** The steps of an operation, in their order. */
export function stepsOf(moments: readonly Moment[]): string[] {
  return [...new Set(moments.map(({ step }) => step))];
}

/** One fault at one place. */
export interface Trial {
  readonly operation: Operation;
  readonly kind: ServerKindName;
  readonly at: At;
}

/** Lets a fault happen at a moment, and judges what it came to. */
export async function tryFault(bench: FaultBench, fault: Fault, { operation, kind, at }: Trial): Promise<Finding> {
  const before = await bench.begin(kind);
  const running = bench.start(operation, kind, deedOf(fault, at), fault.environment);
  const { ending, rival } = await disturb(fault, { bench, kind, operation, running });
  const told = tellingOf(ending);
  const rivalTold = rival && tellingOf(rival.ending);
  const judged = await judge({
    bench,
    kind,
    operations: [operation, ...(fault.rival === undefined ? [] : [fault.rival])],
    pids: [running.pid, ...(rival === undefined ? [] : [rival.pid])],
    before,
    made: [...told.made, ...(rivalTold?.made ?? [])],
    state: told.state,
  }).catch((error: unknown) => ({
    database: "in between",
    settled: [],
    wrong: [`cannot be judged: ${String(error)}`],
  }));
  const parts = [
    told.outcome,
    ...(rivalTold === undefined ? [] : [`the other: ${rivalTold.outcome}`]),
    ...judged.settled.map((settled) => `then ${settled}`),
    ...(operation === "restore" || fault.rival === "restore" ? [judged.database] : []),
  ];
  return {
    operation,
    database: kind,
    step: typeof at === "string" ? at : (running.moments[at]?.step ?? "after its end"),
    fault: fault.name,
    outcome: parts.join(", "),
    wrong: judged.wrong,
    at: `${typeof at === "number" ? "moment" : "beginning of"} ${at}; ended at moment ${running.moments.length}`,
    said: told.said,
  };
}

interface Telling {
  readonly outcome: string;
  readonly said: string;
  readonly state: string | undefined;
  readonly made: readonly string[];
}

/** What a command said of itself. */
function tellingOf({ signal, stdout }: CliResult): Telling {
  if (signal !== null) return { outcome: "killed", said: "", state: undefined, made: [] };
  let outcome = "says nothing";
  let said = "";
  let state: string | undefined;
  const made: string[] = [];
  for (const line of linesOf(stdout) as readonly { readonly type: string }[]) {
    const { type, error, report } = line as {
      readonly type: string;
      readonly error?: { readonly reason: string; readonly message: string };
      readonly report?: {
        readonly status: string;
        readonly databases: readonly {
          readonly state?: string;
          readonly error?: { readonly reason: string; readonly message: string };
          readonly backup?: { readonly id: string } | string;
        }[];
      };
    };
    if (type === "error") [outcome, said] = [`error: ${error?.reason}`, error?.message ?? ""];
    if (!type.endsWith("-report") || report === undefined) continue;
    const [database] = report.databases;
    ({ state } = database ?? {});
    const reason = database?.error?.reason;
    said = database?.error?.message ?? "";
    outcome = [
      report.status,
      ...(reason === undefined ? [] : [reason]),
      ...(state === undefined || report.status === "ok" ? [] : [state]),
    ].join(", ");
    if (type === "backup-report" && typeof database?.backup === "object") made.push(database.backup.id);
  }
  return { outcome, said, state, made };
}
