import { writeFile } from "node:fs/promises";
import { BackupError } from "@sutazai/backup-core";
import { exitCode } from "../exit-codes.ts";
import { runVerb } from "../session.ts";
import type { Verb } from "../verb.ts";

interface PlatformArguments {
  readonly action: "export";
  readonly output?: string;
  readonly force?: boolean;
}

export const platformCommand: Verb<PlatformArguments> = {
  command: "platform <action>",
  describe: "Write a compose file that makes the databases' containers again",
  builder: (parser) =>
    parser
      .positional("action", { choices: ["export"], demandOption: true, describe: "Write it from the newest backups" })
      .options({
        output: { type: "string", requiresArg: true, describe: "File to write; standard output unless given" },
        force: { type: "boolean", describe: "Replace a file that is there" },
      }),
  run: ({ output, force, ...args }) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer }) => {
      const { compose, ...told } = await system.exportPlatform();
      for (const warning of told.warnings) printer.warning(warning);
      if (output === undefined) {
        printer.result("platform", { compose, ...told }, () => compose.trimEnd());
      } else {
        await write(output, compose, force ?? false);
        printer.result("platform", { output, ...told }, () => summary(output, told));
      }
      return told.leftOut.length === 0 ? exitCode.ok : exitCode.partial;
    }),
};

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new BackupError("refused", `${file} is there already`, {
      operation: "platform.export",
      hint: "name another file, or replace it with --force",
      cause: error,
    });
  }
}

function summary(
  file: string,
  { containers, variables }: { readonly containers: readonly object[]; readonly variables: readonly string[] },
): string {
  const wanted = variables.length === 0 ? "" : `; set before it starts: ${variables.join(", ")}`;
  return `${file}: ${containers.length} ${containers.length === 1 ? "container" : "containers"}${wanted}`;
}
