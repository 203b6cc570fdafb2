export {
  deliveryFailure,
  type AttemptContext,
  type Channel,
  type DeliveryFailureOptions,
  type Message,
  type NoticeChannel,
  type Occasion,
  type Ping,
  type PingChannel,
  type Receipt,
} from "./channel.ts";
export { channelKinds, channelModules, type ChannelKind, type ChannelModule } from "./channel-modules.ts";
export { emailChannel, emailOptionsSchema, type EmailOptions } from "./channels/email.ts";
export { healthcheckChannel, healthcheckOptionsSchema, type HealthcheckOptions } from "./channels/healthcheck.ts";
export { presetNames, webhookPresets, type PresetName, type WebhookPreset } from "./channels/presets.ts";
export { slackChannel, slackOptionsSchema, type SlackOptions } from "./channels/slack.ts";
export type { Lookup, RequestTemplate, WebhookTemplate } from "./channels/template.ts";
export { webhookChannel, webhookOptionsSchema, type WebhookOptions } from "./channels/webhook.ts";
export {
  noticeSchema,
  noticeStates,
  severities,
  type Notice,
  type NoticeState,
  type NoticeTable,
  type SafeBackup,
  type Severity,
} from "./notice.ts";
export { Notifier, type NotifierOptions } from "./notifier.ts";
export type { Delivery, NotificationReport, PingDelivery, Standing } from "./report.ts";
export type { RetryPolicy } from "./retry.ts";
export type { Routing } from "./routing.ts";
export { formatText } from "./text.ts";
