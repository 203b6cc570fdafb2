// Writes the table of docs/settings.md from the schemas: `node apps/cli/scripts/settings-table.ts`.
import { readFile, writeFile } from "node:fs/promises";
import { variables } from "@sutazai/backup-sdk";

export const settingsPage: URL = new URL("../../../docs/settings.md", import.meta.url);

const [begin, end] = ["<!-- settings:", "<!-- /settings -->"];

/** The text with its table as it should be. */
export function withSettingsTable(text: string): string {
  const rows = variables().map(
    ({ name, path, description }) => `| \`${name}\` | \`${path.join(".")}\` | ${description} |`,
  );
  const table = ["", "", "| variable | setting | what it says |", "| --- | --- | --- |", ...rows, "", ""].join("\n");
  const start = text.indexOf("-->", text.indexOf(begin)) + 3;
  return text.slice(0, start) + table + text.slice(text.indexOf(end));
}

if (import.meta.main) await writeFile(settingsPage, withSettingsTable(await readFile(settingsPage, "utf8")));
