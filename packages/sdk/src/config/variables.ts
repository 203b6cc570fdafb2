import { readFile } from "node:fs/promises";
import { BackupError, toBackupError } from "@sutazai/backup-core";
import { channelModules } from "@sutazai/backup-notifier";
import { z } from "zod";
import { adapterModules, moduleOf } from "../adapters.ts";
import { channelPlaces } from "../notify/settings.ts";
import { telemetrySecrets, telemetrySettingsSchema, telemetryVariables } from "../telemetry/settings.ts";
import { commonDatabaseSchema, settingsSchema } from "./settings.ts";

/** One environment variable. */
export interface Variable {
  readonly name: string;
  /** The setting it sets, as a path: `["databases", "postgres", "password"]`. */
  readonly path: readonly string[];
  readonly description: string;
  /** JSON Schema of the value, for reading it from text. */
  readonly schema: JsonSchema;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/**
 * Every variable there is, made from the schemas: `BACKUP_DIR` for the general settings, `BACKUP_<DATABASE>_<OPTION>`
 * for those of the named databases (by default one of each kind, under its kind's name), `BACKUP_<CHANNEL>_<OPTION>` for one channel of each kind. Those of
 * telemetry are OpenTelemetry's own.
 */
export function variables(databases: Readonly<Record<string, string>> = defaultNames): Variable[] {
  const general = Object.entries(jsonSchemaOf(settingsSchema).properties ?? {})
    .filter(([setting]) => setting !== "databases" && setting !== "telemetry")
    .flatMap(([setting, schema]) =>
      schema.properties === undefined
        ? variable([setting], setting, schema)
        : Object.entries(schema.properties)
            .filter(([name]) => setting !== "notifications" || !ofChannels.includes(name))
            .map(([name, inner]) => variable([setting, name], `${setting}_${name}`, inner)),
    );
  const telemetry = Object.entries(jsonSchemaOf(telemetrySettingsSchema).properties ?? {}).flatMap(([option, schema]) =>
    optionVariables(["telemetry"], option, option, schema, telemetrySecrets, telemetryVariables),
  );
  const ofDatabases = Object.entries(databases).flatMap(([database, kind]) => {
    const module = moduleOf(kind);
    if (module === undefined) return [];
    const options = [module.optionsSchema, commonDatabaseSchema]
      .flatMap((options) => Object.entries(jsonSchemaOf(options).properties ?? {}))
      .filter(([option]) => option !== "name");
    return options.flatMap(([option, schema]) =>
      optionVariables(["databases", database], option, `${database}_${option}`, schema, module.secrets),
    );
  });
  return [...general, ...telemetry, ...channelVariables(), ...ofDatabases];
}

const ofChannels = channelPlaces.map(({ path: [first = ""] }) => first);

/** Of one channel of each kind; others are for configuration files. */
function channelVariables(): Variable[] {
  return channelPlaces.flatMap(({ kind, path, words, named }) => {
    const { optionsSchema, secrets } = channelModules[kind];
    return Object.entries(jsonSchemaOf(optionsSchema).properties ?? {})
      .filter(([option]) => option !== "name")
      .flatMap(([option, schema]) =>
        optionVariables(["notifications", ...path], option, named[option] ?? `${words}_${option}`, schema, secrets),
      );
  });
}

/** One, or two where it is a secret: the other names a file. */
function optionVariables(
  at: readonly string[],
  option: string,
  words: string,
  schema: JsonSchema,
  secrets: readonly string[],
  prefix?: string,
): Variable[] {
  const plain = variable([...at, option], words, schema, prefix);
  if (!secrets.includes(option)) return [plain];
  const description = `File that holds it: ${schema.description ?? option}`;
  const file = variable([...at, `${option}File`], `${words}_file`, { type: "string", description }, prefix);
  return [plain, file];
}

const defaultNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(adapterModules).map((kind) => [kind, kind]),
);

function variable(path: readonly string[], words: string, schema: JsonSchema, prefix = "BACKUP"): Variable {
  const snake = words.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(/[^A-Za-z0-9]+/g, "_");
  return { name: `${prefix}_${snake.toUpperCase()}`, path, description: schema.description ?? "", schema };
}

export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

/** A variable's text as the value that its setting takes. Text that does not fit is left for the validation to name. */
export function valueOf({ schema }: Variable, text: string): unknown {
  switch (schema.type) {
    case "integer":
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "boolean":
      return (
        ({ true: true, false: false, "1": true, "0": false } as Record<string, boolean>)[text.toLowerCase()] ?? text
      );
    case "array":
      return text.split(",").map((item) => item.trim());
    case "object":
      return parseJson(text);
    default:
      return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What a secret's file holds, without the line end that editors add. */
export async function readSecretFile(path: string, setting: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    throw new BackupError(
      "configuration",
      `${setting} names ${path}, which cannot be read: ${toBackupError(error).message}`,
      {
        operation: "configuration",
        hint: "make the file and let this user read it",
        cause: error,
      },
    );
  }
}
