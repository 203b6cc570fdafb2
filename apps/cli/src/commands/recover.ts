import { stepsOf, type RecoveredOperation } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";
import { formatError } from "../printers/plain.ts";

export const recoverCommand: Verb<object> = {
  command: "recover",
  describe: "Settle what a process that died left behind",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, { log: "recover" }, async ({ system, printer }) => {
      const report = await system.recover();
      printer.result("recover-report", report, () =>
        [
          ...report.operations.map(formatRecovered),
          ...report.running.map(
            ({ database, command, pid, host }) =>
              `${database}: a ${command} is running (process ${pid} on ${host}): left alone`,
          ),
          ...report.removed.map((what) => `removed ${what}`),
          ...(report.operations.length + report.running.length + report.removed.length === 0
            ? ["nothing was left behind"]
            : []),
        ].join("\n"),
      );
      const outcomes = new Set(report.operations.map(({ outcome }) => outcome));
      if (outcomes.has("failed")) return exitCode.failed;
      return outcomes.has("differs") ? exitCode.partial : exitCode.ok;
    }),
};

/** What became of it, and what is known of that where nothing was compared. */
const told: Readonly<Record<RecoveredOperation["outcome"], readonly [what: string, known: string]>> = {
  undone: ["undone", "it is as it was before"],
  differs: ["undone, but it is NOT as it was before", "see the warnings"],
  finished: ["finished", "it had succeeded"],
  failed: ["NOT settled", "it stays in the journal"],
};

function formatRecovered({ operation, outcome, rollback, error }: RecoveredOperation): string {
  const { database, command, startedAt } = operation;
  const [what, known] = told[outcome];
  return [
    `${database}: the ${command} begun at ${startedAt}: ${what}; ${rollback ?? known}`,
    ...stepsOf(operation).map((step) => `  - ${step}`),
    ...(error === undefined ? [] : [formatError(error)]),
  ].join("\n");
}
