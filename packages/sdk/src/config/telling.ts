import type { Channel } from "@sutazai/backup-notifier";
import { notificationSettingsSchema, type NotificationSettings } from "../notify/settings.ts";
import { channelsOf, withWrappedChannels } from "./channels.ts";
import { defaultDirectories } from "./directories.ts";
import { readConfigFile } from "./file.ts";
import { isPlainObject, mergeLayers, type Merged } from "./layers.ts";
import type { LoadOptions } from "./load.ts";
import { flagsLayer, layerOfEnvironment, layerOfFile } from "./sources.ts";

/** What it takes to tell somebody that a configuration cannot be used. */
export interface Telling {
  readonly stateDir: string;
  readonly channels: readonly Channel[];
  readonly notifications: Pick<NotificationSettings, "source" | "reminder">;
}

/** The channels that can be made of a configuration that cannot be loaded as a whole: each for itself, and without those that cannot. Does not throw. */
export async function loadTelling(options: LoadOptions = {}): Promise<Telling> {
  const environment = options.environment ?? process.env;
  const file = await readConfigFile(options.configFile ?? environment["BACKUP_CONFIG"], [
    options.workingDirectory ?? process.cwd(),
    defaultDirectories().config,
  ])
    .then(layerOfFile)
    .catch(() => layerOfFile(undefined));
  const { layer: variables } = await layerOfEnvironment(environment, {}).catch(() =>
    layerOfEnvironment({ ...environment, CREDENTIALS_DIRECTORY: undefined }, {}),
  );
  const merged = mergeLayers([file, variables, flagsLayer(options.flags)]);
  const { stateDir, notifications } = merged.values;
  const given = isPlainObject(notifications) ? notifications : {};
  const { source, reminder, webhooks, ...single } = given;
  const places = [
    ...Object.entries(single).map(([name, channel]) => ({ [name]: channel })),
    ...Object.entries(isPlainObject(webhooks) ? webhooks : {}).map(([name, hook]) => ({ webhooks: { [name]: hook } })),
  ];
  const made = await Promise.all(places.map((place) => channelsIn(place, merged).catch(() => [])));
  const how = notificationSettingsSchema.safeParse({ source, reminder });
  return {
    stateDir: typeof stateDir === "string" && stateDir !== "" ? stateDir : defaultDirectories().state,
    channels: made.flat(),
    notifications: how.success ? how.data : notificationSettingsSchema.parse({}),
  };
}

async function channelsIn(notifications: object, merged: Merged): Promise<Channel[]> {
  const wrapped = await withWrappedChannels({ ...merged, values: { notifications } });
  return channelsOf(notificationSettingsSchema.parse(wrapped.values["notifications"]), wrapped);
}
