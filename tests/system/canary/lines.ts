import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Canaries } from "./canaries.ts";

/** What only looks, and so can be done in any order. */
export const looks: readonly string[] = [
  "init --yes --output init.yaml",
  "config show",
  "status --json",
  "report --format html --output out/report.html",
  "report --json",
  "audit show",
  "platform export --output out/compose.yaml",
  "test --dry-run --json",
  "schedule install --print --as systemd",
  "recover",
];

export const furtherLooks: readonly string[] = [
  "config show --json",
  "status",
  "list --json",
  "discover",
  "report",
  ...["json", "csv", "text", "prometheus"].map((format) => `report --format ${format} --output out/report.${format}`),
  "audit verify --json",
  "platform export --json",
  "test --dry-run --log-level debug",
  "test --json",
  "schedule install hourly --print --as cron --json",
  "schedule status --as cron",
  "recover --json",
  "verify --log",
  "verify --all --level checksum --json",
  "monitor --json",
];

/** A configuration with secrets written into it, and nothing wrong but that nobody answers. */
export async function writeConfiguration(
  directory: string,
  secrets: { readonly password: string; readonly address: string },
): Promise<string> {
  const path = join(directory, "good.json");
  const text = JSON.stringify({
    databases: { redis: { container: "no-such-container", password: secrets.password } },
    notifications: { slack: { webhook: secrets.address } },
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** Configurations with secrets before, within and after mistakes. */
export function writeMistakes(canaries: Canaries, directory: string): Promise<string[]> {
  const secret = (what: string) => canaries.plantPlain(`secret ${what}`);
  const mistakes: Readonly<Record<string, string>> = {
    "broken.yaml": `databases:\n  redis: { container: x, password: "${secret("before a mistake")}" ]\n`,
    "alias.yaml": `databases: { redis: { password: *${secret("taken for an alias")} } }\n`,
    "shape.yaml": `notifications:
  slack: https://hooks/${secret("in place of a channel")}
  webhooks: ${secret("in place of all webhooks")}
databases:
  redis: { password: [ ${secret("in a list")} ] }
`,
    "broken.json": `{ "databases": { "redis": { "password": "${secret("in broken JSON")}" ] } }\n`,
    "unquoted.json": `{ "databases": { "redis": { "password": ${secret("without quotes")} } } }\n`,
    "text.json": `"${secret("alone in a file")}"\n`,
    "broken.ts": `export default { dir: x ${secret("in TypeScript")} };\n`,
    "undefined.ts": `export default { dir: ${secret("without quotes in TypeScript")} };\n`,
    "broken.mjs": `export default { dir: x ${secret("in JavaScript")} };\n`,
  };
  return Promise.all(
    Object.entries(mistakes).map(async ([name, text]) => {
      const path = join(directory, name);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    }),
  );
}
