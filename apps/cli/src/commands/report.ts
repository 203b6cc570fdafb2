import { extname } from "node:path";
import {
  renderReport,
  reportFormats,
  reportTimes,
  writeReportFile,
  type ReportFormat,
  type ReportTimes,
} from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface ReportArguments extends ReportTimes {
  readonly format?: ReportFormat;
  readonly output?: string;
}

export const reportCommand: Verb<ReportArguments> = {
  command: "report",
  describe: "Show how all backups stand and where they are heading: what is wrong, trends, proof, forecast",
  builder: (parser) =>
    parser
      .option("since", { type: "string", describe: "Look back so far: 30d, 12h, or to a date", requiresArg: true })
      .option("format", {
        choices: reportFormats,
        describe: "What to write; as the name of the output ends, and text otherwise",
        requiresArg: true,
      })
      .option("output", { type: "string", describe: "Write it to this file, whole or not at all", requiresArg: true })
      .option("rpo", { type: "string", describe: "Budget: how old a last good backup may be (25h)", requiresArg: true })
      .option("rto", { type: "string", describe: "Budget: how long a restore may take (30m)", requiresArg: true })
      .option("drill", { type: "string", describe: "Budget: how old a last drill may be (32d)", requiresArg: true }),
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer }) => {
      const report = await system.report(reportTimes(args));
      const format = args.format ?? formatOf[extname(args.output ?? "")] ?? "text";
      const content = await renderReport(report, format);
      if (args.output === undefined) {
        printer.result("master-report", { report }, () => content.replace(/\n$/, ""));
        return exitCode.ok;
      }
      await writeReportFile(args.output, content);
      printer.result("report-written", { path: args.output, format, status: report.status }, () => args.output ?? "");
      return exitCode.ok;
    }),
};

/** By the end of a file's name. */
const formatOf: Readonly<Record<string, ReportFormat>> = {
  ".html": "html",
  ".htm": "html",
  ".json": "json",
  ".csv": "csv",
  ".prom": "prometheus",
};
