import { readFileSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { scheduleEnvironmentFile } from "@sutazai/backup-sdk";

/** This very program as it can be started from anywhere, on this Node, with the same configuration. Nothing in it is secret. */
export async function commandLine({
  config,
  dir,
}: {
  readonly config: string | undefined;
  readonly dir: string | undefined;
}): Promise<string[]> {
  return [
    process.execPath,
    await realpath(process.argv[1] ?? ""),
    ...(config === undefined ? [] : ["--config", resolve(config)]),
    ...(dir === undefined ? [] : ["--dir", resolve(dir)]),
  ];
}

/** Settings of this shell that scheduled runs will not have. */
export function hiddenVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const file = scheduleEnvironmentFile();
  const written = textOf(file);
  return Object.keys(environment)
    .filter((name) => /^(?:BACKUP_(?!TEST_|CONFIG$)|OTEL_)/.test(name))
    .filter((name) => !new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`, "m").test(written))
    .map(
      (name) =>
        `${name} is set here and will not be set for scheduled runs: write it to ${file} (mode 0600), or to the configuration`,
    );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
