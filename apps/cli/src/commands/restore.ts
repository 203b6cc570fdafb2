import { createInterface } from "node:readline/promises";
import { BackupError, shellQuoted } from "@sutazai/backup-core";
import { formatRestoreReport, type RestoreOptions } from "@sutazai/backup-sdk";
import { exitCode, exitCodeOfPlans, exitCodeOfRun } from "../exit-codes.ts";
import { formatPlan } from "../printers/restore-plan.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface RestoreArguments {
  readonly name: string;
  readonly backup?: string;
  readonly file?: string;
  readonly into?: string;
  readonly form?: string;
  readonly method?: string;
  readonly only?: string;
  readonly exact?: boolean;
  readonly dryRun?: boolean;
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
      .option("into", {
        type: "string",
        requiresArg: true,
        describe: "Another container to restore into, for staging or migration; the database itself is left alone",
      })
      .option("form", { type: "string", requiresArg: true, describe: "Form of the backup, where it has several" })
      .option("method", {
        type: "string",
        requiresArg: true,
        describe: "How to restore: redis knows offline and online",
      })
      .option("only", {
        type: "string",
        requiresArg: true,
        describe: "One piece of it: a database of a cluster, a collection",
      })
      .option("exact", {
        type: "boolean",
        describe: "Remove what the backup does not have: collections, databases that would be left alone otherwise",
      })
      .option("dry-run", { type: "boolean", describe: "Show what would be done, and touch nothing" })
      .option("force", { type: "boolean", describe: "Do not ask" })
      .option("unfenced", { type: "boolean", describe: "Restore though writers cannot be kept out" })
      .option("safety-backup", { type: "boolean", default: true, describe: "Back up the present state first" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" })
      .conflicts("file", "backup")
      .conflicts("exact", "only"),
  run: (args) =>
    runVerb(args, args.dryRun === true ? {} : { log: "restore" }, async ({ system, printer, signal }) => {
      const options = { ...optionsOf(args), signal };
      if (args.dryRun === true) {
        const databases = await system.planRestore(options);
        await printer.close();
        printer.result("restore-plan", { databases }, () => databases.map(formatPlan).join("\n\n"));
        return exitCodeOfPlans(databases);
      }
      if (args.force !== true && !(await confirmed(args, system.databases, signal))) {
        await printer.close();
        printer.warning("nothing was restored");
        return exitCode.refused;
      }
      const report = await system.restore(options);
      await printer.close();
      printer.result("restore-report", { report }, () => formatRestoreReport(report));
      return exitCodeOfRun(report);
    }),
};

function optionsOf(args: RestoreArguments): RestoreOptions {
  const { backup, file, into, form, method, only } = args;
  return {
    databases: args.name === "all" ? [] : [args.name],
    ...(backup !== undefined && { backup }),
    ...(file !== undefined && { file }),
    ...(into !== undefined && { into }),
    ...(form !== undefined && { form }),
    ...(method !== undefined && { method }),
    ...(only !== undefined && { only }),
    ...(args.exact === true && { exact: true }),
    withoutSafetyBackup: args.safetyBackup === false,
    unfenced: args.unfenced ?? false,
    wait: args.wait ?? false,
  };
}

/** Asks on a terminal; elsewhere only `--force` will do. */
async function confirmed(
  args: RestoreArguments,
  databases: readonly { readonly name: string }[],
  signal: AbortSignal,
): Promise<boolean> {
  const names = args.name === "all" ? databases.map(({ name }) => name).join(", ") : args.name;
  const what = args.into === undefined ? names : `container ${args.into}`;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new BackupError("refused", `a restore replaces what ${what} holds, and there is no terminal to ask at`, {
      operation: "restore",
      hint: `say so: ${commandOf(args)} --force`,
    });
  }
  const from = args.file ?? args.backup ?? `the newest good backup${args.into === undefined ? "" : ` of ${names}`}`;
  const loss = args.safetyBackup === false ? " NO SAFETY BACKUP is taken first." : "";
  const others = args.exact === true ? " What it does not have is REMOVED." : "";
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Replace what ${what} holds now by ${from}?${others}${loss} [y/N] `, {
      signal,
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

/** The command as it was given, for a shell. */
function commandOf(args: RestoreArguments): string {
  const { name, backup, file, into, form, method, only } = args;
  const valued = Object.entries({ backup, file, into, form, method, only }).flatMap(([option, value]) =>
    value === undefined ? [] : [`--${option}`, quoted(value)],
  );
  const flags = [
    ...(args.exact === true ? ["--exact"] : []),
    ...(args.unfenced === true ? ["--unfenced"] : []),
    ...(args.safetyBackup === false ? ["--no-safety-backup"] : []),
    ...(args.wait === true ? ["--wait"] : []),
  ];
  return ["sutazai-backup restore", quoted(name), ...valued, ...flags].join(" ");
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : shellQuoted(text);
}
