import { Secret, toBackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { setsRules } from "@sutazai/backup-store";
import type { LoadedConfig } from "../config/load.ts";
import { isPlainObject, type Origin } from "../config/layers.ts";
import { policyOf } from "../prune/policy.ts";
import { redactSetting } from "./redaction.ts";
import { configJsonSchema } from "./json-schema.ts";

/** One setting in force. */
export interface EffectiveSetting {
  /** `databases.redis.container`. */
  readonly setting: string;
  /** As it is used: durations in milliseconds, sizes in bytes. Credentials are redacted; null where nothing is set and nothing is usual. */
  readonly value: unknown;
  readonly origin: Origin | "default";
  /** What to change where it is to be another: a variable, a flag, a place in a file; of a default, the setting that it follows, or null. */
  readonly source: string | null;
}

/** Every setting in force, in the order of the documentation, and where each came from. Nothing in it is secret. */
export function effectiveSettings({ settings: given, merged, adapters, retention }: LoadedConfig): EffectiveSetting[] {
  const settings = { ...given, retention: policyOf(retention) };
  const usual = setsRules(given.retention) ? undefined : retention.usual;
  const followsSchedule = ([table, rule = ""]: readonly string[]) => table === "retention" && rule in (usual ?? {});
  const wanted = new Set(adapters.map(({ name }) => name));
  const known = generalSettings().flatMap((path) => {
    const value = valueAt(settings, path);
    return isTable(value) ? leavesOf(path, value) : [{ path, value }];
  });
  const ofDatabases = Object.entries(settings.databases ?? {})
    .filter(([name]) => wanted.has(name))
    .flatMap(([name, options]) => leavesOf(["databases", name], options));
  return [...known, ...ofDatabases].map(({ path, value }) => {
    // A secret may have come as the name of a file.
    const from = merged.originOf(path) ?? merged.originOf([...path.slice(0, -1), `${path.at(-1)}File`]);
    return {
      setting: path.join("."),
      value: redactSetting(path, value) ?? null,
      origin: from?.origin ?? "default",
      source: from?.name ?? (followsSchedule(path) ? "schedules.backup" : null),
    };
  });
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** What a table holds. Of a list of things its whole is one setting. */
function leavesOf(path: readonly string[], table: Readonly<Record<string, unknown>>): Leaf[] {
  return Object.entries(table).flatMap(([name, value]) => {
    const inner = [...path, name];
    return isTable(value) ? leavesOf(inner, value) : [{ path: inner, value }];
  });
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) && !(value instanceof Secret);
}

interface SettingSchema {
  readonly properties?: Readonly<Record<string, SettingSchema>>;
}

/** Paths of the settings that are there whatever is configured: those of tables one by one. */
function generalSettings(): string[][] {
  const { properties = {} } = configJsonSchema() as SettingSchema;
  return Object.entries(properties)
    .filter(([name]) => name !== "databases")
    .flatMap(([name, schema]) =>
      schema.properties === undefined
        ? [[name]]
        : Object.keys(schema.properties)
            .filter((inner) => !isFileOf(inner, schema.properties))
            .map((inner) => [name, inner]),
    );
}

/** Of a secret, which is known whether it was given as text or as a file. */
function isFileOf(name: string, properties: SettingSchema["properties"] = {}): boolean {
  return name.endsWith("File") && name.slice(0, -"File".length) in properties;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isPlainObject(inner) ? inner[key] : undefined), value);
}

/** Why containers could not be looked through, where they could not: that no database is shown says nothing then. */
export async function discoveryProblem(containers: ContainerRuntime): Promise<string | undefined> {
  return containers.list().then(
    () => undefined,
    (error: unknown) => toBackupError(error).message,
  );
}
