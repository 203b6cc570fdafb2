import type { ChannelKind } from "@sutazai/backup-notifier";
import ms from "ms";
import { z } from "zod";
import { durationFrom } from "../config/amounts.ts";

/** Options of one channel, after its secrets were wrapped; its own schema checks them. */
export type ChannelSettings = Readonly<Record<string, unknown>>;

/** Who is told, and how. */
export interface NotificationSettings {
  /** What this installation is called in messages: the host's name unless given. */
  readonly source?: string | undefined;
  /** Milliseconds after which what still holds is told again. */
  readonly reminder: number;
  readonly email?: ChannelSettings | undefined;
  readonly slack?: ChannelSettings | undefined;
  readonly healthcheck?: ChannelSettings | undefined;
  /** By a name of one's own. */
  readonly webhooks?: Readonly<Record<string, ChannelSettings>> | undefined;
}

/** Where a configuration has a channel, and what its variables begin with; some are called otherwise. */
export interface ChannelPlace {
  readonly kind: ChannelKind;
  /** Below `notifications`. */
  readonly path: readonly string[];
  readonly words: string;
  /** By option: the whole of the variable's name behind `BACKUP_`. */
  readonly named: Readonly<Record<string, string>>;
}

/** A channel that variables alone can describe, of each kind. */
export const channelPlaces: readonly ChannelPlace[] = [
  { kind: "email", path: ["email"], words: "email", named: { to: "notification_email" } },
  { kind: "slack", path: ["slack"], words: "slack", named: {} },
  { kind: "webhook", path: ["webhooks", "webhook"], words: "webhook", named: {} },
  { kind: "healthcheck", path: ["healthcheck"], words: "healthcheck", named: { check: "healthcheck_url" } },
];

const channel = z.record(z.string(), z.unknown()).optional();

export const notificationSettingsSchema = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe("What this installation is called in messages; the host's name unless given"),
    reminder: durationFrom(60_000)
      .default(ms("1d"))
      .describe("What is still wrong is told again after so long; 1d unless given"),
    email: channel,
    slack: channel,
    healthcheck: channel,
    webhooks: z.record(z.string().min(1).max(100), z.record(z.string(), z.unknown())).optional(),
  })
  .prefault({}) satisfies z.ZodType<NotificationSettings> as z.ZodType<NotificationSettings>;
