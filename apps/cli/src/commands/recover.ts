import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";
import { formatError } from "../printers/plain.ts";

export const recoverCommand: Verb<object> = {
  command: "recover",
  describe: "Settle what a process that died left behind",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, {}, async ({ system, printer }) => {
      const report = await system.recover();
      printer.result("recover-report", report, () =>
        [
          ...report.operations.map(
            ({ operation, outcome, error }) =>
              `${operation.database}: the ${operation.command} begun ${operation.startedAt}: ${outcome}${error === undefined ? "" : `\n${formatError(error)}`}`,
          ),
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
      return report.operations.some(({ outcome }) => outcome === "failed") ? exitCode.failed : exitCode.ok;
    }),
};
