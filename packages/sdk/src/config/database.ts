import { BackupError } from "@sutazai/backup-core";
import { moduleOf, supportedKinds, type AdapterModule } from "../adapters.ts";
import { hasLocation } from "./discovered.ts";
import type { Merged } from "./layers.ts";
import { configurationError, likelyName } from "./problems.ts";
import { unreadableIn, wrapSecrets } from "./secrets.ts";
import { commonDatabaseSchema, type CommonDatabaseSettings } from "./settings.ts";
import { jsonSchemaOf } from "./variables.ts";

export interface DescribedDatabase {
  readonly module: AdapterModule;
  readonly options: Readonly<Record<string, unknown>>;
  /** Why it cannot be entered: the others need not go without their backups for that. */
  readonly error?: BackupError | undefined;
}

/** The kind and the checked options of a database. */
export async function describeDatabase(
  name: string,
  given: Readonly<Record<string, unknown>>,
  merged: Merged,
): Promise<DescribedDatabase> {
  const at = ["databases", name];
  const { kind: configuredKind, ...rest } = withoutCommon(given);
  const kind = typeof configuredKind === "string" ? configuredKind : name;
  const module = moduleOf(kind);
  if (module === undefined) {
    const likely = likelyName(kind, supportedKinds);
    throw new BackupError(
      "configuration",
      `${merged.sourceOf([...at, "kind"])}: found ${JSON.stringify(kind)}, allowed is one of ${supportedKinds.join(", ")}${likely === undefined ? "" : ` (did you mean ${likely}?)`}`,
      { operation: "configuration", hint: `set databases.${name}.kind` },
    );
  }
  const withSecrets = await wrapSecrets(at, rest, module.secrets, merged, { tolerated: true });
  const located = hasLocation(withSecrets) ? withSecrets : { ...withSecrets, container: `sutazai-${kind}` };
  const parsed = module.optionsSchema.safeParse({ ...located, name });
  if (!parsed.success) throw configurationError(parsed.error, at, merged, [...optionNames(module), "kind"]);
  return { module, options: parsed.data as Record<string, unknown>, error: unreadableIn(withSecrets) };
}

const commonNames = Object.keys(jsonSchemaOf(commonDatabaseSchema).properties ?? {});

function withoutCommon(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([option]) => !commonNames.includes(option)));
}

/** What is the engine's business, not the adapter's. */
export function commonSettingsOf(
  name: string,
  given: Readonly<Record<string, unknown>>,
  merged: Merged,
): CommonDatabaseSettings {
  const common = Object.fromEntries(Object.entries(given).filter(([option]) => commonNames.includes(option)));
  const parsed = commonDatabaseSchema.safeParse(common);
  if (!parsed.success) throw configurationError(parsed.error, ["databases", name], merged, commonNames);
  return parsed.data;
}

function optionNames(module: AdapterModule): string[] {
  const names = Object.keys(jsonSchemaOf(module.optionsSchema).properties ?? {}).filter((option) => option !== "name");
  return [...names, ...module.secrets.map((secret) => `${secret}File`), ...commonNames];
}
