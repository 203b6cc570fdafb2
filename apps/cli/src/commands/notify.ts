import { BackupError } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import { formatTest } from "../printers/notify-test.ts";
import { runVerb } from "../session.ts";
import type { Verb } from "../verb.ts";

interface NotifyArguments {
  readonly action: "test";
}

export const notifyCommand: Verb<NotifyArguments> = {
  command: "notify <action>",
  describe: "Send a test to every channel, and tell for each what became of it",
  builder: (parser) => parser.positional("action", { choices: ["test"], demandOption: true, describe: "What to do" }),
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ printer, signal, notifier }) => {
      if (notifier === undefined) {
        throw new BackupError("configuration", "no channel is configured: nobody would be told of anything", {
          operation: "notify",
          hint: "set BACKUP_NOTIFICATION_EMAIL, BACKUP_SLACK_WEBHOOK, BACKUP_WEBHOOK_URL or BACKUP_HEALTHCHECK_URL (docs/notifications.md)",
        });
      }
      const { deliveries, pings } = await notifier.test({ signal });
      printer.result("notify-test", { deliveries, pings }, () => formatTest(deliveries, pings));
      const arrived = [...deliveries, ...pings].map(({ outcome }) => outcome === "delivered");
      if (arrived.every(Boolean)) return exitCode.ok;
      return arrived.some(Boolean) ? exitCode.partial : exitCode.failed;
    }),
};
