import { channelModules, type ChannelKind } from "@sutazai/backup-notifier";
import { z } from "zod";
import { adapterModules } from "../adapters.ts";
import { commonDatabaseSchema, settingsSchema } from "../config/settings.ts";
import { channelPlaces } from "../notify/settings.ts";
import { telemetrySecrets, telemetrySettingsSchema } from "../telemetry/settings.ts";

type Schema = Record<string, unknown> & { readonly properties?: Readonly<Record<string, Schema>> };

/** Their defaults are those of this host and this user. */
const ofThisHost: ReadonlySet<string> = new Set(["dir", "stateDir", "timeZone"]);

/**
 * The configuration file as JSON Schema (draft 7, which editors know best): validation, completion and an explanation of each setting. Made from
 * the schemas that the settings are checked with.
 */
export function configJsonSchema(): Record<string, unknown> {
  const { properties = {}, ...general } = schemaOf(settingsSchema);
  const modules = Object.values(adapterModules);
  const kinds = modules.map(({ kind }) => kind);
  const settings = Object.entries(properties).map(([name, { default: usual, ...rest }]) => [
    name,
    ofThisHost.has(name) || usual === undefined ? rest : { default: usual, ...rest },
  ]);
  const saysItsKind = { required: ["kind"], anyOf: kinds.map((kind) => ({ $ref: `#/definitions/${kind}` })) };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of sutazai-backup",
    ...general,
    properties: {
      ...Object.fromEntries(settings),
      notifications: withChannels(properties["notifications"] ?? {}),
      telemetry: { ...properties["telemetry"], properties: withFiles(telemetrySettingsSchema, telemetrySecrets) },
      databases: {
        ...properties["databases"],
        // A name that is a kind needs no `kind`; with one, it may be another.
        properties: Object.fromEntries(
          kinds.map((kind) => [kind, { anyOf: [{ $ref: `#/definitions/${kind}` }, saysItsKind] }]),
        ),
        additionalProperties: saysItsKind,
      },
    },
    definitions: Object.fromEntries(
      modules.map(({ kind, optionsSchema, secrets }) => {
        const { name: _, ...options } = withFiles(optionsSchema, secrets);
        const what = { const: kind, description: "What it is; its name unless given" };
        return [kind, tableOf({ kind: what, ...options, ...schemaOf(commonDatabaseSchema).properties })];
      }),
    ),
  };
}

function withChannels({ properties, ...rest }: Schema): Schema {
  const channel = (kind: ChannelKind) =>
    tableOf(withFiles(channelModules[kind].optionsSchema, channelModules[kind].secrets));
  const single = channelPlaces
    .filter(({ path }) => path.length === 1)
    .map(({ path: [name = ""], kind }) => [name, channel(kind)]);
  const webhooks = { ...properties?.["webhooks"], additionalProperties: channel("webhook") };
  return { ...rest, properties: { ...properties, ...Object.fromEntries(single), webhooks } };
}

/** Options as a configuration may give them: secrets as text, or as the name of a file. */
function withFiles(optionsSchema: z.ZodType, secrets: readonly string[]): Record<string, Schema> {
  const options = Object.entries(schemaOf(optionsSchema).properties ?? {}).flatMap(([option, schema]) => {
    if (!secrets.includes(option)) return [[option, schema] as const];
    const description = typeof schema["description"] === "string" ? schema["description"] : option;
    return [
      [option, { type: "string", description: `${description} (better: ${option}File)` }] as const,
      [`${option}File`, { type: "string", description: `File that holds it: ${description}` }] as const,
    ];
  });
  return Object.fromEntries(options);
}

function tableOf(properties: Readonly<Record<string, unknown>>): Schema {
  return { type: "object", properties: properties as Record<string, Schema>, additionalProperties: false };
}

/**
 * One schema, to stand within another: what refers to itself (the template of a webhook: any JSON) would look for that in the wrong place, so it is left
 * open there.
 */
function schemaOf(schema: z.ZodType): Schema {
  const {
    $schema: _,
    definitions = {},
    ...rest
  } = z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" }) as Schema;
  return Object.keys(definitions as object).length === 0 ? rest : (withoutReferences(rest) as Schema);
}

function withoutReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (typeof value !== "object" || value === null) return value;
  if ("$ref" in value) return {};
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutReferences(inner)]));
}
