import type { z } from "zod";
import type { Channel } from "./channel.ts";
import { emailChannel, emailOptionsSchema } from "./channels/email.ts";
import { healthcheckChannel, healthcheckOptionsSchema } from "./channels/healthcheck.ts";
import { slackChannel, slackOptionsSchema } from "./channels/slack.ts";
import { webhookChannel, webhookOptionsSchema } from "./channels/webhook.ts";

export const channelKinds = ["email", "slack", "webhook", "healthcheck"] as const;
export type ChannelKind = (typeof channelKinds)[number];

/** What a composition root knows of one kind of channel: data, so that configuration and its table need no branches. */
export interface ChannelModule {
  readonly kind: ChannelKind;
  /** The options as a configuration gives them, after secrets were wrapped. */
  readonly optionsSchema: z.ZodType;
  /** Options that are secrets: wrapped when read, redacted when shown. */
  readonly secrets: readonly string[];
  /** Options that are tables of secrets, by name. */
  readonly secretTables: readonly string[];
  /** Takes options that the schema has passed. */
  create(options: never): Channel;
}

export const channelModules: Readonly<Record<ChannelKind, ChannelModule>> = {
  email: {
    kind: "email",
    optionsSchema: emailOptionsSchema,
    secrets: ["password"],
    secretTables: [],
    create: emailChannel,
  },
  slack: {
    kind: "slack",
    optionsSchema: slackOptionsSchema,
    secrets: ["webhook"],
    secretTables: [],
    create: slackChannel,
  },
  webhook: {
    kind: "webhook",
    optionsSchema: webhookOptionsSchema,
    secrets: ["url", "credential", "signingSecret"],
    secretTables: ["headers"],
    create: webhookChannel,
  },
  healthcheck: {
    kind: "healthcheck",
    optionsSchema: healthcheckOptionsSchema,
    secrets: ["check"],
    secretTables: [],
    create: healthcheckChannel,
  },
};
