import {
  BackupError,
  toBackupError,
  type ContainerRuntime,
  type DatabaseAdapter,
  type Secret,
} from "@sutazai/backup-core";
import type { Channel } from "@sutazai/backup-notifier";
import { moduleOf, supportedKinds, type AdapterModule } from "../adapters.ts";
import { discover } from "../discover.ts";
import type { AdapterIn } from "../restore/into.ts";
import { policyOf, usualRules, type RetentionConfig } from "../prune/policy.ts";
import type { BudgetSettings } from "../monitor/budget-settings.ts";
import { secretsIn } from "../run-log/redaction.ts";
import { channelsOf, withWrappedChannels } from "./channels.ts";
import { defaultDirectories } from "./directories.ts";
import { readConfigFile, type ConfigFile } from "./file.ts";
import { isPlainObject, mergeLayers, type Layer, type Merged } from "./layers.ts";
import { optionsIn } from "./other-container.ts";
import { configurationError, likelyName } from "./problems.ts";
import {
  commonDatabaseSchema,
  settingsSchema,
  type BackupConfig,
  type CommonDatabaseSettings,
  type Settings,
} from "./settings.ts";
import { telemetryOf, type TelemetryOptions } from "../telemetry/telemetry.ts";
import { credentialFiles, wrapSecrets } from "./secrets.ts";
import { unusable } from "./unusable.ts";
import { withoutMistakes, withWrappedTelemetry } from "./telemetry.ts";
import { jsonSchemaOf, valueOf, variables } from "./variables.ts";

export interface LoadOptions {
  /** What the command line says; strongest. */
  readonly flags?: BackupConfig;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A configuration file; otherwise it is looked for. */
  readonly configFile?: string | undefined;
  readonly workingDirectory?: string;
  /** Only the store is wanted: go on where Docker cannot be asked for databases. */
  readonly storeOnly?: boolean;
}

export interface LoadedConfig {
  readonly settings: Settings;
  readonly adapters: readonly DatabaseAdapter[];
  readonly adapterIn: AdapterIn;
  /** Images for drills, by database. */
  readonly drillImages: Readonly<Record<string, string>>;
  readonly retention: RetentionConfig;
  /** Where these differ from the general ones, by database. */
  readonly budgets: Readonly<Record<string, BudgetSettings>>;
  readonly channels: readonly Channel[];
  /** Where traces and metrics are sent; undefined where they are not. */
  readonly telemetry: TelemetryOptions | undefined;
  /** Of the databases: to be redacted in whatever is told. */
  readonly secrets: readonly Secret[];
  readonly file: string | undefined;
  /** Every value as it was given, and where: what is told of credentials must be redacted. */
  readonly merged: Merged;
  /** How databases were looked for; undefined where the configuration names them all. */
  readonly discovery: Discovered | undefined;
  /** Things that look like mistakes but prevent nothing. */
  readonly warnings: readonly string[];
}

/** What became of looking for databases that nobody has named. */
export interface Discovered {
  /** Why Docker could not be asked: then those that are known are perhaps not all. */
  readonly error: BackupError | undefined;
  /** Names of those that nobody is to miss. */
  readonly retired: readonly string[];
}

/** Options of which any says where a database is. */
const locations = ["container", "host", "url", "volume", "directory"];

/**
 * The settings in force: flags over environment over file over what was discovered. Throws `configuration`, naming the source, the
 * setting, what was found, what is allowed and what was probably meant.
 */
export async function loadConfig(containers: ContainerRuntime, options: LoadOptions = {}): Promise<LoadedConfig> {
  const environment = options.environment ?? process.env;
  const file = await readConfigFile(options.configFile ?? environment["BACKUP_CONFIG"], [
    options.workingDirectory ?? process.cwd(),
    defaultDirectories().config,
  ]);
  const fileLayer = layerOfFile(file);
  const configured = isPlainObject(fileLayer.values["databases"]) ? fileLayer.values["databases"] : undefined;
  const environmentLayer = await layerOfEnvironment(environment, kindsOf(configured));
  const { layer: found, error } = await discovered(
    containers,
    configured,
    environmentLayer,
    options.storeOnly ?? false,
  );
  const given = mergeLayers([found, fileLayer, environmentLayer.layer, flagsLayer(options.flags)]);
  const merged = await withWrappedTelemetry(await withWrappedChannels(given));
  const { databases, ...general } = merged.values;
  const parsed = settingsSchema.safeParse({ ...general, ...(databases !== undefined && { databases }) });
  if (!parsed.success) throw configurationError(parsed.error, [], merged, generalSettings);
  const settings = parsed.data;
  const described = await Promise.all(
    Object.entries(settings.databases ?? {})
      .filter(([name, given]) => isWanted(name, given, configured, found))
      .map(async ([name, given]) => ({ name, ...(await describeDatabase(name, given, merged)) })),
  );
  const made = ({ module, error }: DescribedDatabase, options: Readonly<Record<string, unknown>>) => {
    const adapter = module.create(options as never);
    const isEntered = module.secrets.some((secret) => options[secret] !== undefined);
    return error !== undefined && isEntered ? unusable(adapter, error) : adapter;
  };
  const adapters = described.map((each) => made(each, each.options));
  const adapterIn: AdapterIn = (database, container, name) => {
    const of = described.find((each) => each.name === database);
    if (of === undefined) throw new Error(`the database ${database} is not configured`);
    return made(of, optionsIn(of.module, of.options, container, name));
  };
  const secrets = described.flatMap(({ options }) => secretsIn(options));
  const drillImages = Object.fromEntries(
    Object.entries(settings.databases ?? {}).flatMap(([name, given]) => {
      const { drillImage } = commonSettingsOf(name, given, merged);
      return drillImage === undefined ? [] : [[name, drillImage]];
    }),
  );
  const retention = retentionOf(settings, merged);
  const budgets = Object.fromEntries(
    Object.entries(settings.databases ?? {}).flatMap(([name, given]) => {
      const own = commonSettingsOf(name, given, merged).budgets;
      return own === undefined ? [] : [[name, own]];
    }),
  );
  const channels = channelsOf(settings.notifications, merged);
  const telemetry = telemetryOf(settings, secrets, environment);
  const warnings = [
    ...described.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error.message}`])),
    ...environmentLayer.warnings,
    ...telemetry.warnings,
    ...settings.retired
      .filter((name) => adapters.some((adapter) => adapter.name === name))
      .map((name) => `retired names ${name}, which is there, and is backed up`),
    ...unknownInOrder(
      settings.restoreOrder,
      adapters.map(({ name }) => name),
    ),
  ];
  return {
    settings,
    adapters,
    adapterIn,
    drillImages,
    retention,
    budgets,
    channels,
    telemetry: telemetry.options,
    secrets,
    file: file?.path,
    merged,
    discovery: configured === undefined ? { error, retired: settings.retired } : undefined,
    warnings,
  };
}

/** Throws `configuration` where the rules of a database, together with the general ones, keep nothing. */
function retentionOf(
  { retention: general, databases, schedules, timeZone }: Settings,
  merged: Merged,
): RetentionConfig {
  const own = Object.entries(databases ?? {}).flatMap(([name, given]) => {
    const { retention } = commonSettingsOf(name, given, merged);
    return retention === undefined ? [] : [[name, retention] as const];
  });
  const config = { usual: usualRules(schedules, timeZone), general, databases: Object.fromEntries(own) };
  for (const name of [undefined, ...Object.keys(config.databases)]) policyOf(config, name);
  return config;
}

/** A name that is no database prevents nothing: in the worst moment the others are still to be restored. */
function unknownInOrder(order: readonly string[], known: readonly string[]): string[] {
  return order
    .filter((name) => !known.includes(name))
    .map((name) => {
      const likely = likelyName(name, known);
      return `restoreOrder names "${name}", which is no database${likely === undefined ? "" : `; did you mean ${likely}?`}`;
    });
}

const generalSettings = Object.keys(jsonSchemaOf(settingsSchema).properties ?? {});

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
function kindsOf(configured: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
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

/** Asks Docker only where the configuration leaves something open, and lets it be missing only where nothing depends on it. */
async function discovered(
  containers: ContainerRuntime,
  configured: Readonly<Record<string, unknown>> | undefined,
  { layer }: EnvironmentLayer,
  storeOnly: boolean,
): Promise<{ readonly layer: Layer; readonly error: BackupError | undefined }> {
  const nameOf = (path: readonly string[]) => `${path.join(".")} (discovered)`;
  const fromEnvironment = isPlainObject(layer.values["databases"]) ? layer.values["databases"] : {};
  const located = (name: string, given: unknown) => hasLocation(given) || hasLocation(fromEnvironment[name]);
  if (configured !== undefined && Object.entries(configured).every(([name, given]) => located(name, given)))
    return { layer: { origin: "discovered", nameOf, values: {} }, error: undefined };
  let error: BackupError | undefined;
  const byName: Record<string, { kind: string; container: string }> = {};
  try {
    for (const { name, kind, container } of (await discover(containers)).databases) byName[name] = { kind, container };
  } catch (thrown) {
    const canGoOn = storeOnly || configured !== undefined || Object.values(fromEnvironment).some(hasLocation);
    error = toBackupError(thrown, { operation: "discover" });
    if (!canGoOn || error.reason === "configuration") throw error;
  }
  const wanted =
    configured === undefined
      ? byName
      : Object.fromEntries(
          Object.entries(byName).filter(([name]) => name in configured && !located(name, configured[name])),
        );
  return { layer: { origin: "discovered", nameOf, values: { databases: wanted } }, error };
}

function hasLocation(given: unknown): boolean {
  return isPlainObject(given) && locations.some((option) => given[option] !== undefined);
}

/** A password in the environment alone makes no database: something must say where it is. */
function isWanted(
  name: string,
  given: Readonly<Record<string, unknown>>,
  configured: Readonly<Record<string, unknown>> | undefined,
  found: Layer,
): boolean {
  const discoveredDatabases = found.values["databases"];
  return (
    hasLocation(given) ||
    (configured !== undefined && name in configured) ||
    (isPlainObject(discoveredDatabases) && name in discoveredDatabases)
  );
}

interface DescribedDatabase {
  readonly module: AdapterModule;
  readonly options: Readonly<Record<string, unknown>>;
  /** Why it cannot be entered: the others need not go without their backups for that. */
  readonly error?: BackupError | undefined;
}

/** The kind and the checked options of a database. */
async function describeDatabase(
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
  let error: BackupError | undefined;
  const withSecrets = await wrapSecrets(at, rest, module.secrets, merged, (unread) => (error ??= unread));
  const located = hasLocation(withSecrets) ? withSecrets : { ...withSecrets, container: `sutazai-${kind}` };
  const parsed = module.optionsSchema.safeParse({ ...located, name });
  if (!parsed.success) throw configurationError(parsed.error, at, merged, [...optionNames(module), "kind"]);
  return { module, options: parsed.data as Record<string, unknown>, error };
}

const commonNames = Object.keys(jsonSchemaOf(commonDatabaseSchema).properties ?? {});

function withoutCommon(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([option]) => !commonNames.includes(option)));
}

/** What is the engine's business, not the adapter's. */
function commonSettingsOf(
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
