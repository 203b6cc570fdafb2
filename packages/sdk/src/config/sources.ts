import { BackupError } from "@sutazai/backup-core";
import { supportedKinds } from "../adapters.ts";
import type { ConfigFile } from "./file.ts";
import { isPlainObject, type Layer } from "./layers.ts";
import { likelyName } from "./problems.ts";
import { credentialFiles } from "./secrets.ts";
import type { BackupConfig } from "./settings.ts";
import { withoutMistakes } from "./telemetry.ts";
import { valueOf, variables } from "./variables.ts";

export function flagsLayer(flags: BackupConfig | undefined): Layer {
  return { origin: "flag", nameOf: (path) => `--${path.join(".")}`, values: { ...flags } };
}

export function layerOfFile(file: ConfigFile | undefined): Layer {
  if (file === undefined) return { origin: "file", nameOf: (path) => path.join("."), values: {} };
  if (!isPlainObject(file.value)) {
    throw new BackupError("configuration", `${file.path} holds no settings: found ${kindOf(file.value)}`, {
      operation: "configuration",
      hint: "it must hold a table of settings (YAML, JSON), or export one as its default (TypeScript, JavaScript)",
    });
  }
  return { origin: "file", nameOf: (path) => `${path.join(".")} in ${file.path}`, values: file.value };
}

/** Not the value itself: it may be a secret. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

/** The kind of each configured database: what it says, or its name. */
export function kindsOf(configured: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const ofKind = Object.fromEntries(supportedKinds.map((kind) => [kind, kind as string]));
  if (configured === undefined) return ofKind;
  return Object.fromEntries(
    Object.entries(configured).map(([name, given]) => [
      name,
      isPlainObject(given) && typeof given["kind"] === "string" ? given["kind"] : name,
    ]),
  );
}

interface EnvironmentLayer {
  readonly layer: Layer;
  readonly warnings: readonly string[];
}

export async function layerOfEnvironment(
  given: Readonly<Record<string, string | undefined>>,
  databases: Readonly<Record<string, string>>,
): Promise<EnvironmentLayer> {
  const known = variables(databases);
  const environment = { ...(await credentialFiles(given["CREDENTIALS_DIRECTORY"])), ...given };
  const values: Record<string, unknown> = {};
  for (const variable of known) {
    const text = environment[variable.name];
    if (text === undefined || text === "") continue;
    let target = values;
    for (const step of variable.path.slice(0, -1)) target = (target[step] ??= {}) as Record<string, unknown>;
    target[variable.path.at(-1) ?? ""] = valueOf(variable, text);
  }
  const names = new Set([...known.map(({ name }) => name), "BACKUP_CONFIG"]);
  const warnings = Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("BACKUP_") || name.startsWith("BACKUP_TEST_") || names.has(name)) return [];
    const likely = likelyName(name, [...names]);
    return likely === undefined ? [] : [`the variable ${name} is not known; did you mean ${likely}?`];
  });
  const nameOf = (path: readonly string[]) =>
    known.find((variable) => variable.path.join("\0") === path.join("\0"))?.name ?? path.join(".");
  const checked = withoutMistakes({ origin: "variable", nameOf, values });
  return { layer: checked.layer, warnings: [...warnings, ...checked.warnings] };
}
