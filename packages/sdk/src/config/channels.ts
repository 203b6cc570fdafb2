import { hostname } from "node:os";
import { Secret } from "@sutazai/backup-core";
import { channelModules, type Channel, type ChannelKind, type ChannelModule } from "@sutazai/backup-notifier";
import { channelPlaces, type NotificationSettings } from "../notify/settings.ts";
import { isPlainObject, type Merged } from "./layers.ts";
import { configurationError } from "./problems.ts";
import { unreadableIn, wrapSecrets } from "./secrets.ts";
import { unusableChannel } from "./unusable.ts";
import { jsonSchemaOf } from "./variables.ts";

/** Where channels of each kind stand below `notifications`; of webhooks there are several. */
const tables: Readonly<Record<string, ChannelKind>> = { webhooks: "webhook" };
const single = Object.fromEntries(
  channelPlaces.filter(({ path }) => path.length === 1).map(({ path: [name = ""], kind }) => [name, kind]),
);

/** The merged settings with the secrets of all channels wrapped: what is wrong with them can be told without showing one. */
export async function withWrappedChannels(merged: Merged): Promise<Merged> {
  const given = merged.values["notifications"];
  if (!isPlainObject(given)) return merged;
  const wrapped: Record<string, unknown> = { ...given };
  const wrapOne = async (kind: ChannelKind, path: readonly string[], value: unknown): Promise<unknown> =>
    // Somebody may have written the address itself where its table belongs.
    isPlainObject(value) ? wrapChannel(channelModules[kind], ["notifications", ...path], value, merged) : hidden(value);
  for (const [name, kind] of Object.entries(single)) {
    if (given[name] !== undefined) wrapped[name] = await wrapOne(kind, [name], given[name]);
  }
  for (const [table, kind] of Object.entries(tables)) {
    const entries = given[table];
    if (entries === undefined) continue;
    wrapped[table] = isPlainObject(entries)
      ? Object.fromEntries(
          await Promise.all(
            Object.entries(entries).map(async ([name, value]) => [name, await wrapOne(kind, [table, name], value)]),
          ),
        )
      : hidden(entries);
  }
  return { ...merged, values: { ...merged.values, notifications: wrapped } };
}

function hidden(value: unknown): Secret {
  return new Secret(String(value));
}

async function wrapChannel(
  { secrets, secretTables }: ChannelModule,
  at: readonly string[],
  given: Readonly<Record<string, unknown>>,
  merged: Merged,
): Promise<Record<string, unknown>> {
  const wrapped = await wrapSecrets(at, given, secrets, merged, { tolerated: true });
  for (const name of secretTables) {
    const table = wrapped[name];
    if (table === undefined) continue;
    wrapped[name] = isPlainObject(table)
      ? Object.fromEntries(Object.entries(table).map(([key, value]) => [key, hidden(value)]))
      : hidden(table);
  }
  return wrapped;
}

/** The channels that are configured; one whose secret cannot be read fails at whatever it is to tell. Constructing them does no I/O. Throws `configuration`. */
export function channelsOf({ email, slack, healthcheck, webhooks }: NotificationSettings, merged: Merged): Channel[] {
  const made: Channel[] = [];
  for (const [name, given] of Object.entries({ email, slack, healthcheck })) {
    const kind = single[name];
    if (given !== undefined && kind !== undefined)
      made.push(channelOf(kind, [name], { ...usual[kind]?.(given), ...given }, merged));
  }
  for (const [name, given] of Object.entries(webhooks ?? {})) {
    made.push(channelOf("webhook", ["webhooks", name], { name, ...given }, merged));
  }
  return made;
}

/** What is taken for granted: mail goes to the mail server of this host, which takes it from a program without more ado. */
const usual: Readonly<Partial<Record<ChannelKind, (given: Readonly<Record<string, unknown>>) => object>>> = {
  email: ({ host }) => ({
    from: `sutazai-backup@${hostname()}`,
    ...(host === undefined && { host: "localhost", tls: "off" }),
  }),
};

function channelOf(
  kind: ChannelKind,
  path: readonly string[],
  options: Readonly<Record<string, unknown>>,
  merged: Merged,
): Channel {
  const unreadable = unreadableIn(options);
  if (unreadable !== undefined) return unusableChannel(kind, path.at(-1) ?? kind, unreadable);
  const module = channelModules[kind];
  const parsed = module.optionsSchema.safeParse(options);
  if (parsed.success) return module.create(parsed.data as never);
  const known = Object.keys(jsonSchemaOf(module.optionsSchema).properties ?? {});
  const files = module.secrets.map((secret) => `${secret}File`);
  throw configurationError(parsed.error, ["notifications", ...path], merged, [...known, ...files]);
}
