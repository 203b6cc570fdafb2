import { formatDeliveries, formatLook, lookAsJson } from "@sutazai/backup-sdk";
import { exitCodeOfLook } from "../exit-codes.ts";
import { runVerb } from "../session.ts";
import type { Verb } from "../verb.ts";

export const monitorCommand: Verb<object> = {
  command: "monitor",
  describe: "Look at everything once, and tell who should know: what is wrong, what still is, what is over",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer, signal, notifier }) => {
      const report = await system.monitor({ signal });
      for (const warning of report.warnings) printer.warning(warning);
      if (notifier === undefined) printer.warning("nobody is told: no channel is configured (docs/notifications.md)");
      const { deliveries } = report;
      printer.result("monitor", { ...lookAsJson(report), deliveries }, () =>
        [formatLook(report), ...formatDeliveries(deliveries)].join("\n"),
      );
      return exitCodeOfLook(report);
    }),
};
