import { logLevels } from "@sutazai/backup-sdk";
import yargs, { type CommandModule } from "yargs";
import manifest from "../package.json" with { type: "json" };
import { auditCommand } from "./commands/audit.ts";
import { backupCommand } from "./commands/backup.ts";
import { configCommand } from "./commands/config.ts";
import { daemonCommand } from "./commands/daemon.ts";
import { discoverCommand } from "./commands/discover.ts";
import { initCommand } from "./commands/init.ts";
import { listCommand } from "./commands/list.ts";
import { monitorCommand } from "./commands/monitor.ts";
import { notifyCommand } from "./commands/notify.ts";
import { platformCommand } from "./commands/platform.ts";
import { pinCommand } from "./commands/pin.ts";
import { pruneCommand } from "./commands/prune.ts";
import { recoverCommand } from "./commands/recover.ts";
import { reportCommand } from "./commands/report.ts";
import { restoreCommand } from "./commands/restore.ts";
import { scheduleCommand } from "./commands/schedule.ts";
import { showCommand } from "./commands/show.ts";
import { statusCommand } from "./commands/status.ts";
import { testCommand } from "./commands/test.ts";
import { unlockCommand } from "./commands/unlock.ts";
import { unpinCommand } from "./commands/unpin.ts";
import { verifyCommand } from "./commands/verify.ts";
import { exitCode, type ExitCode } from "./exit-codes.ts";
import type { Verb } from "./verb.ts";

const verbs = [
  initCommand,
  backupCommand,
  restoreCommand,
  recoverCommand,
  listCommand,
  showCommand,
  verifyCommand,
  testCommand,
  statusCommand,
  monitorCommand,
  notifyCommand,
  reportCommand,
  pruneCommand,
  pinCommand,
  unpinCommand,
  scheduleCommand,
  daemonCommand,
  discoverCommand,
  configCommand,
  platformCommand,
  auditCommand,
  unlockCommand,
] as readonly Verb<never>[];

/** Runs the command line and returns its exit code; prints usage errors itself. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCode.ok;
  const parser = yargs([...args])
    .scriptName("sutazai-backup")
    .usage("$0 <command>\n\nBacks up and restores the databases of an AI platform, and proves it.")
    .options({
      config: {
        type: "string",
        describe: "Configuration file (BACKUP_CONFIG)",
        group: "Everywhere:",
        requiresArg: true,
      },
      dir: {
        type: "string",
        describe: "Directory of the backups (BACKUP_DIR)",
        group: "Everywhere:",
        requiresArg: true,
      },
      "log-level": {
        choices: logLevels,
        describe: "What standard error is told of the log of a run; warn unless given",
        group: "Everywhere:",
        requiresArg: true,
      },
      json: { type: "boolean", describe: "NDJSON events and results on standard output", group: "Everywhere:" },
    })
    .version(manifest.version)
    .help()
    .alias("h", "help")
    .strict()
    .recommendCommands()
    .demandCommand(1, "Say what to do, for example: sutazai-backup backup")
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // yargs hands over its own complaints as errors too; any other is a failure of a verb.
      if (error !== undefined && error !== null && error.name !== "YError") throw error;
      // Called again for each consequence of the first mistake.
      if (code === exitCode.ok) process.stderr.write(`sutazai-backup: ${message}\n  → see sutazai-backup --help\n`);
      code = exitCode.usage;
    });
  for (const verb of verbs) {
    parser.command({
      command: verb.command,
      describe: verb.describe,
      builder: verb.builder,
      handler: async (parsed: object) => {
        if (code === exitCode.ok) code = await verb.run(parsed as never);
      },
    } as CommandModule);
  }
  await parser.parseAsync();
  return code;
}
