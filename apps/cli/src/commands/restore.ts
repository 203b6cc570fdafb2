import { createInterface } from "node:readline/promises";
import { BackupError } from "@sutazai/backup-core";
import { formatRestoreReport } from "@sutazai/backup-sdk";
import { exitCode, exitCodeOfRun } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface RestoreArguments {
  readonly name: string;
  readonly backup?: string;
  readonly file?: string;
  readonly form?: string;
  readonly method?: string;
  readonly only?: string;
  readonly force?: boolean;
  readonly unfenced?: boolean;
  readonly safetyBackup?: boolean;
  readonly wait?: boolean;
}

export const restoreCommand: Verb<RestoreArguments> = {
  command: "restore <name>",
  describe: "Put a backup in place of what a database holds; `all` restores every database",
  builder: (parser) =>
    parser
      .positional("name", { type: "string", demandOption: true, describe: "A database, or all" })
      .option("backup", {
        type: "string",
        requiresArg: true,
        describe: "Id of the backup; the newest good one unless given",
      })
      .option("file", { type: "string", requiresArg: true, describe: "A backup's directory that is not in the store" })
      .option("form", { type: "string", requiresArg: true, describe: "Form of the backup, where it has several" })
      .option("method", {
        type: "string",
        requiresArg: true,
        describe: "How to restore: redis knows offline and online",
      })
      .option("only", { type: "string", requiresArg: true, describe: "One database out of a PostgreSQL cluster" })
      .option("force", { type: "boolean", describe: "Do not ask" })
      .option("unfenced", { type: "boolean", describe: "Restore though writers cannot be kept out" })
      .option("safety-backup", { type: "boolean", default: true, describe: "Back up the present state first" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" })
      .conflicts("file", "backup"),
  run: (args) =>
    runVerb(args, {}, async ({ system, printer, signal }) => {
      const names = args.name === "all" ? system.databases.map(({ name }) => name) : [args.name];
      if (args.force !== true && !(await confirmed(names, args, signal))) {
        await printer.close();
        printer.warning("nothing was restored");
        return exitCode.refused;
      }
      const report = await system.restore({
        databases: names,
        ...(args.backup !== undefined && { backup: args.backup }),
        ...(args.file !== undefined && { file: args.file }),
        ...(args.form !== undefined && { form: args.form }),
        ...(args.method !== undefined && { method: args.method }),
        ...(args.only !== undefined && { only: args.only }),
        withoutSafetyBackup: args.safetyBackup === false,
        unfenced: args.unfenced ?? false,
        wait: args.wait ?? false,
        signal,
      });
      await printer.close();
      printer.result("restore-report", { report }, () => formatRestoreReport(report));
      return exitCodeOfRun(report);
    }),
};

/** Asks on a terminal; elsewhere only `--force` will do. */
async function confirmed(
  names: readonly string[],
  { name, backup, file }: RestoreArguments,
  signal: AbortSignal,
): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new BackupError(
      "refused",
      `a restore replaces what ${names.join(", ")} holds, and there is no terminal to ask at`,
      {
        operation: "restore",
        hint: `say so: sutazai-backup restore ${name}${backup === undefined ? "" : ` --backup ${backup}`} --force`,
      },
    );
  }
  const from = file ?? backup ?? "the newest good backup";
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Replace what ${names.join(", ")} holds now by ${from}? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
