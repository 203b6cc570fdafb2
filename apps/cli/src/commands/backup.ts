import { formatBackupReport } from "@sutazai/backup-sdk";
import { exitCodeOfBackup } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface BackupArguments {
  readonly names?: readonly string[];
  readonly prove?: boolean;
  readonly wait?: boolean;
  readonly parallel?: number;
  readonly timeout?: string;
  readonly compression?: "zstd" | "gzip" | "none";
}

export const backupCommand: Verb<BackupArguments> = {
  command: "backup [names..]",
  describe: "Back up databases, all of them unless named",
  builder: (parser) =>
    parser
      .positional("names", { type: "string", array: true, describe: "Databases" })
      .option("prove", { type: "boolean", describe: "Drill each backup at once: restore it into a throwaway server" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" })
      .option("parallel", { type: "number", describe: "Databases at once (BACKUP_PARALLEL)" })
      .option("timeout", { type: "string", describe: "Time limit for one database: 30m, 2h (BACKUP_TIMEOUT)" })
      .option("compression", { choices: ["zstd", "gzip", "none"] as const, describe: "BACKUP_COMPRESSION" }),
  run: (args) => {
    const { parallel, timeout, compression } = args;
    const flags = {
      ...(parallel !== undefined && { parallel }),
      ...(timeout !== undefined && { timeout }),
      ...(compression !== undefined && { compression }),
    };
    return runVerb(args, { flags, storeOnly: true, log: "backup" }, async ({ system, printer, signal }) => {
      const report = await system.backup({
        databases: args.names ?? [],
        prove: args.prove ?? false,
        wait: args.wait ?? false,
        signal,
      });
      await printer.close();
      printer.result("backup-report", { report }, () => formatBackupReport(report));
      return exitCodeOfBackup(report);
    });
  },
};
