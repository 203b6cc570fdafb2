import { writeFile } from "node:fs/promises";
import { toBackupError } from "@sutazai/backup-core";
import {
  configJsonSchema,
  discoveryProblem,
  effectiveSettings,
  table,
  type EffectiveSetting,
} from "@sutazai/backup-sdk";
import { runBareVerb } from "../bare-verb.ts";
import { exitCode } from "../exit-codes.ts";
import { runVerb, type GlobalArguments } from "../session.ts";
import type { Verb } from "../verb.ts";

interface ConfigArguments {
  readonly action: "show" | "schema";
  readonly output?: string;
}

export const configCommand: Verb<ConfigArguments> = {
  command: "config <action>",
  describe: "Show the settings in force and where each came from, or the JSON Schema of the configuration file",
  builder: (parser) =>
    parser
      .positional("action", { choices: ["show", "schema"] as const, demandOption: true, describe: "What to show" })
      .option("output", { type: "string", requiresArg: true, describe: "Of schema: write it to this file" }),
  run: (args) => (args.action === "show" ? show(args) : schema(args)),
};

function show(args: GlobalArguments) {
  return runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ config, containers, printer }) => {
    const settings = effectiveSettings(config);
    const problem = config.merged.values["databases"] === undefined ? await discoveryProblem(containers) : undefined;
    if (problem !== undefined) printer.warning(`databases could not be looked for: ${problem}`);
    printer.result("settings", { file: config.file ?? null, settings }, () => formatSettings(settings));
    return exitCode.ok;
  });
}

function formatSettings(settings: readonly EffectiveSetting[]): string {
  return table(
    ["setting", "value", "from"],
    settings.map(({ setting, value, origin, source }) => [
      setting,
      typeof value === "string" ? value : value === null ? "–" : JSON.stringify(value),
      source === null ? origin : origin === "default" ? `default, by ${source}` : `${origin}: ${source}`,
    ]),
  );
}

/** The schema itself, also with `--json`: it is JSON. */
function schema({ output, ...args }: ConfigArguments & GlobalArguments) {
  return runBareVerb(args, async ({ printer }) => {
    const text = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
    if (output === undefined) {
      process.stdout.write(text);
      return exitCode.ok;
    }
    await writeFile(output, text).catch((error: unknown) => {
      throw toBackupError(error, { operation: "config", hint: "name a file in a directory that exists and is yours" });
    });
    printer.result("schema-written", { path: output }, () => output);
    return exitCode.ok;
  });
}
