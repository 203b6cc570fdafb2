import { stringify } from "yaml";
import { configJsonSchema } from "../config-show/json-schema.ts";
import type { BackupConfig } from "../config/settings.ts";

interface Described {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: unknown;
}

/** What the schema has no default for, since it depends on the host or on something else. Shown where a setting is not given. */
const examples: Readonly<Record<string, unknown>> = {
  compressionLevel: 3,
  timeout: "4h",
  drillMemory: "1g",
  jitter: "5m",
  "daemon.grace": "0s",
};

/**
 * A configuration file with every setting in it: those given, and the others as comments, each explained. `about` stands above a database. Reading it
 * back gives the settings that were given. Secrets belong into files: give `passwordFile`.
 */
export function configText(config: BackupConfig, about: Readonly<Record<string, readonly string[]>> = {}): string {
  const { properties = {} } = configJsonSchema() as Described;
  const { databases = {}, ...settings } = config;
  const sections = Object.entries(properties)
    .filter(([name]) => name !== "databases")
    .map(([name, schema]) => sectionOf(name, schema, (settings as Readonly<Record<string, unknown>>)[name]));
  const listed = Object.entries(databases).map(([name, options]) =>
    [...commented(about[name] ?? []), yaml({ [name]: options })].map(indented).join("\n"),
  );
  const ofDatabases = [
    "# What is backed up, by name. Each finds port and credentials in its container unless they are given here or as variables",
    "# (BACKUP_<NAME>_PASSWORD_FILE). Secrets belong into files: passwordFile, tokenFile, apiKeyFile.",
    listed.length === 0 ? "databases: {}" : `databases:\n${listed.join("\n")}`,
  ].join("\n");
  return `${[header, ofDatabases, ...sections].join("\n\n")}\n`;
}

const header = [
  "# Configuration of sutazai-backup. Everything may be left out; what is commented out is shown with what it usually is.",
  "# Flags and environment variables are stronger. What is in force, and why: sutazai-backup config show",
  "# Its JSON Schema, for editors: sutazai-backup config schema",
].join("\n");

function sectionOf(name: string, schema: Described, given: unknown): string {
  if (schema.properties === undefined) return [...describe(schema), entry(name, name, schema, given)].join("\n");
  const table = (given ?? {}) as Readonly<Record<string, unknown>>;
  const inner = Object.entries(schema.properties).flatMap(([key, each]) => [
    ...describe(each).map(indented),
    indented(entry(key, `${name}.${key}`, each, table[key])),
  ]);
  const isGiven = Object.keys(table).length > 0;
  return [...describe(schema), isGiven ? `${name}:` : `# ${name}:`, ...inner].join("\n");
}

function entry(name: string, path: string, schema: Described, given: unknown): string {
  if (given !== undefined) return yaml({ [name]: given });
  const usual = schema.default ?? examples[path];
  const shown = usual === undefined ? `${name}:` : yaml({ [name]: usual });
  return commented(shown.split("\n")).join("\n");
}

function describe({ description }: Described): string[] {
  return description === undefined ? [] : commented([description]);
}

function commented(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line}`);
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 }).trimEnd();
}
