import type { RetentionPolicy, RetentionSettings } from "@sutazai/backup-sdk";
import { exitCodeOfRun } from "../exit-codes.ts";
import { formatPruneReport } from "../printers/prune-report.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface PruneArguments extends RetentionSettings {
  readonly names?: readonly string[];
  readonly dryRun?: boolean;
  readonly allowUnusual?: boolean;
  readonly wait?: boolean;
}

/** Every rule is an option of the same name. */
const rules: Readonly<
  Record<keyof RetentionPolicy, { readonly type: "number" | "string"; readonly describe: string }>
> = {
  days: { type: "number", describe: "Keep what was made in so many days (BACKUP_RETENTION_DAYS)" },
  keepLast: { type: "number", describe: "Keep so many of the newest" },
  keepHourly: { type: "number", describe: "Keep the newest of each of so many hours" },
  keepDaily: { type: "number", describe: "Keep the newest of each of so many days" },
  keepWeekly: { type: "number", describe: "Keep the newest of each of so many weeks" },
  keepMonthly: { type: "number", describe: "Keep the newest of each of so many months" },
  keepYearly: { type: "number", describe: "Keep the newest of each of so many years" },
  safetyDays: { type: "number", describe: "Keep safety backups of so many days" },
  level: { type: "string", describe: "What a newer backup must have passed first: checksum, structure, restore" },
  timeZone: { type: "string", describe: "Where days, weeks, months and years begin" },
};

export const pruneCommand: Verb<PruneArguments> = {
  command: "prune [names..]",
  describe: "Delete the backups that no rule of retention keeps; never the last good one",
  builder: (parser) =>
    parser
      .positional("names", { type: "string", array: true, describe: "Databases" })
      .option("dry-run", { type: "boolean", describe: "Only tell what stays, what would go, and why" })
      .options(
        Object.fromEntries(
          Object.entries(rules).map(([name, rule]) => [
            name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
            { ...rule, requiresArg: true, group: "Rules, instead of the configured ones (0 turns one off):" },
          ]),
        ),
      )
      .option("allow-unusual", { type: "boolean", describe: "Delete although the clock seems to have jumped" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" }),
  run: (args) =>
    runVerb(args, { storeOnly: true, log: "prune" }, async ({ system, printer, signal }) => {
      const given = Object.keys(rules).map((rule) => [rule, args[rule as keyof RetentionPolicy]] as const);
      const report = await system.prune({
        databases: args.names ?? [],
        rules: Object.fromEntries(given.filter(([, value]) => value !== undefined)) as RetentionSettings,
        dryRun: args.dryRun ?? false,
        allowUnusual: args.allowUnusual ?? false,
        wait: args.wait ?? false,
        signal,
      });
      await printer.close();
      printer.result("prune-report", { report }, () => formatPruneReport(report));
      return exitCodeOfRun(report);
    }),
};
