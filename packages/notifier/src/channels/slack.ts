import { isBackupError, secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";
import type { AttemptContext, Message, NoticeChannel, Receipt } from "../channel.ts";
import { sendRequest } from "../http.ts";
import { secretsOfAddress } from "../redaction.ts";
import { routingShape, type Routing } from "../routing.ts";
import { checkOptions, httpAddress } from "./options.ts";
import { slackMessage } from "./slack-blocks.ts";

export interface SlackOptions extends Routing {
  readonly name?: string;
  /** Of an incoming webhook. Who knows it can write to the channel. */
  readonly webhook: Secret;
}

export const slackOptionsSchema: z.ZodType<SlackOptions> = z.strictObject({
  name: z.string().min(1).optional(),
  webhook: secretSchema.refine(httpAddress, "an http or https address").describe("Address of an incoming webhook"),
  ...routingShape,
}) as z.ZodType<SlackOptions>;

/**
 * Slack through an incoming webhook, with a table of the facts. Where the blocks are not understood (a server that only resembles Slack, or
 * a limit that has changed), the same is sent as plain text: an alert does not fail for its looks.
 */
export function slackChannel(options: SlackOptions): NoticeChannel {
  const { name = "slack", webhook } = checkOptions(slackOptionsSchema, options, "slack");
  const secrets = secretsOfAddress(webhook);
  const post = (body: object, signal: AbortSignal): Promise<string> =>
    sendRequest({
      url: webhook.reveal(),
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
      secrets,
    });
  return {
    accepts: "notices",
    name,
    kind: "slack",
    routing: options,
    takes: { again: true, resolved: true, event: true },
    secrets,
    async deliver(message: Message, { signal }: AttemptContext): Promise<Receipt> {
      const { text, blocks } = slackMessage(message);
      try {
        await post({ text, blocks }, signal);
        return {};
      } catch (error) {
        if (!isBackupError(error) || error.details["status"] !== 400) throw error;
        await post({ text }, signal);
        return { problems: [`sent without a table: ${error.message}`] };
      }
    },
  };
}
