import { checkbox, confirm, input, select } from "@inquirer/prompts";
import type { ProposedDatabase, TriedDatabase } from "@sutazai/backup-sdk";

/** Questions go to standard error: standard output is for results. */
const context = (signal: AbortSignal) => ({ output: process.stderr, signal });

/** Everything that `init` asks. */
export interface Questions {
  which(proposed: readonly ProposedDatabase[]): Promise<readonly ProposedDatabase[]>;
  /** A file that holds the password or token of a database that let nobody in; undefined where that is to wait. */
  secretFile(database: TriedDatabase, option: string): Promise<string | undefined>;
  dir(usual: string): Promise<string>;
  schedule(recommended: string): Promise<string>;
  write(path: string): Promise<boolean>;
}

export function terminalQuestions(signal: AbortSignal): Questions {
  return {
    which: (proposed) =>
      checkbox(
        {
          message: "Which of these are to be backed up?",
          choices: proposed.map((database) => ({
            value: database,
            name: `${database.container} (${database.kind}, as "${database.name}")`,
            description: database.by === "image" ? "its image looks like one" : `known by its ${database.by}`,
            checked: database.by !== "image",
          })),
        },
        context(signal),
      ),
    secretFile: async ({ name, error }, option) => {
      const path = await input(
        { message: `${name}: ${error?.message ?? "no access"}\n  A file that holds its ${option} (empty: later):` },
        context(signal),
      );
      return path.trim() === "" ? undefined : path.trim();
    },
    dir: (usual) => input({ message: "Where are the backups to be kept?", default: usual }, context(signal)),
    schedule: (recommended) =>
      select(
        {
          message: "How often? (what was written since the last backup can be lost)",
          default: recommended,
          choices: [
            { value: "hourly", name: "hourly (recommended: loses an hour at most)" },
            { value: "daily", name: "daily" },
            { value: "weekly", name: "weekly" },
          ],
        },
        context(signal),
      ),
    write: (path) => confirm({ message: `Write ${path}?`, default: true }, context(signal)),
  };
}

/** For `--yes`: what says itself that it is a database, with what is recommended. */
export const noQuestions: Questions = {
  which: (proposed) => Promise.resolve(proposed.filter(({ by }) => by !== "image")),
  secretFile: () => Promise.resolve(undefined),
  dir: (usual) => Promise.resolve(usual),
  schedule: (recommended) => Promise.resolve(recommended),
  write: () => Promise.resolve(true),
};
