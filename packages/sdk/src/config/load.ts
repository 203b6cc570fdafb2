import type { BackupError, ContainerRuntime, DatabaseAdapter, Secret } from "@sutazai/backup-core";
import type { Channel } from "@sutazai/backup-notifier";
import type { BudgetSettings } from "../monitor/budget-settings.ts";
import { policyOf, usualRules, type RetentionConfig } from "../prune/policy.ts";
import type { AdapterIn } from "../restore/into.ts";
import { secretsIn } from "../run-log/redaction.ts";
import { telemetryOf, type TelemetryOptions } from "../telemetry/telemetry.ts";
import { channelsOf, withWrappedChannels } from "./channels.ts";
import { commonSettingsOf, describeDatabase, type DescribedDatabase } from "./database.ts";
import { defaultDirectories } from "./directories.ts";
import { discovered, isWanted } from "./discovered.ts";
import { readConfigFile } from "./file.ts";
import { isPlainObject, mergeLayers, type Merged } from "./layers.ts";
import { optionsIn } from "./other-container.ts";
import { configurationError, likelyName } from "./problems.ts";
import { settingsSchema, type BackupConfig, type Settings } from "./settings.ts";
import { flagsLayer, kindsOf, layerOfEnvironment, layerOfFile } from "./sources.ts";
import { withWrappedTelemetry } from "./telemetry.ts";
import { unusable } from "./unusable.ts";
import { jsonSchemaOf } from "./variables.ts";

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
