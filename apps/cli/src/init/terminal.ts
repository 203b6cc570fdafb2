import { checkbox, confirm, input, select } from "@inquirer/prompts";
import type { Questions } from "./questions.ts";

/** Questions go to standard error: standard output is for results. */
const context = (signal: AbortSignal) => ({ output: process.stderr, signal });

/** Asks in the terminal. Loaded where somebody is asked. */
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
