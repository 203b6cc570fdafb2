import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Platform } from "./platform.ts";
import { readRunbook, walk, type Ground, type TakenStep } from "./runbook.ts";

/** Walks through a runbook from its beginning to its end, on a platform that is called there as it is in an installation. */
export async function walkOn(
  platform: Platform,
  runbook: string,
  more: Partial<Omit<Ground, "directory">> = {},
): Promise<TakenStep[]> {
  const names = Object.fromEntries(platform.servers.map(({ kind, name }) => [`sutazai-${kind}`, name]));
  const directory = join(platform.directory, "walk");
  await mkdir(directory);
  return walk(await readRunbook(runbook), {
    directory,
    environment: { ...platform.environment, ...more.environment },
    names: { ...names, "/opt/sutazaiapp/backups": platform.environment["BACKUP_DIR"] ?? "", ...more.names },
    onStep: show,
  });
}

/** What was typed and what it said, for whoever brings a runbook up to date: `BACKUP_TEST_SHOW=1`. */
function show({ commands, output, seconds }: TakenStep): void {
  if (process.env["BACKUP_TEST_SHOW"] === "1")
    process.stderr.write(`\n${commands}${output}(${seconds.toFixed(1)} s)\n`);
}
