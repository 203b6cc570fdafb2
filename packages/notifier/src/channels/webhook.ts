import { Secret, secretSchema, toJson, type Json } from "@sutazai/backup-core";
import { z } from "zod";
import type { AttemptContext, Message, NoticeChannel, Receipt } from "../channel.ts";
import { sendRequest } from "../http.ts";
import { secretsOfAddress } from "../redaction.ts";
import { routingShape, type Routing } from "../routing.ts";
import { formatText } from "../text.ts";
import { wordingOf } from "../wording.ts";
import { checkOptions, httpAddress } from "./options.ts";
import { presetNames, webhookPresets, type PresetName } from "./presets.ts";
import { signatureHeaders } from "./signature.ts";
import {
  fill,
  fillAddress,
  fillText,
  readPointer,
  webhookTemplateSchema,
  withLookups,
  type RequestTemplate,
  type Values,
  type WebhookTemplate,
} from "./template.ts";

export interface WebhookOptions extends Routing {
  readonly name?: string;
  /** Where to; presets of hosted systems know it. May hold a token. */
  readonly url?: Secret;
  /** How a system wants to be told: by name, or as data. Without either, the documented JSON is posted. */
  readonly preset?: PresetName;
  readonly template?: WebhookTemplate;
  /** `{{credential}}` of the template. */
  readonly credential?: Secret;
  /** Signs every request after the Standard Webhooks specification: `whsec_` and base64, or any text. */
  readonly signingSecret?: Secret;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, Secret>>;
}

export const webhookOptionsSchema: z.ZodType<WebhookOptions> = z
  .strictObject({
    name: z.string().min(1).optional(),
    url: secretSchema.refine(httpAddress, "an http or https address").optional().describe("Address to post to"),
    preset: z
      .enum(presetNames)
      .optional()
      .describe(`How a system wants to be told: ${presetNames.join(", ")}`),
    template: webhookTemplateSchema.optional().describe("How another system wants to be told, as JSON"),
    credential: secretSchema.optional().describe("What the preset or template puts in as {{credential}}"),
    signingSecret: secretSchema.optional().describe("Signs every request (Standard Webhooks): whsec_… or any text"),
    headers: z
      .record(z.string().regex(/^[\w-]+$/), secretSchema)
      .optional()
      .describe("Further headers"),
    ...routingShape,
  })
  .refine(({ preset, template }) => preset === undefined || template === undefined, {
    error: "give either `preset` or `template`, not both",
  })
  .refine(
    ({ url, preset }) => url !== undefined || (preset !== undefined && webhookPresets[preset].url !== undefined),
    {
      error: "`url` is missing",
    },
  )
  .refine(({ preset, credential }) => preset === undefined || credential !== undefined, {
    error: "a preset needs `credential`",
  }) as z.ZodType<WebhookOptions>;

/** What is posted without a preset or template. `version` changes with whatever a receiver could depend on. */
const plainBody: Json = {
  format: "sutazai-backup-notice",
  version: 1,
  id: "{{id}}",
  incident: "{{incident}}",
  key: "{{key}}",
  source: "{{source}}",
  occasion: "{{occasion}}",
  notice: "{{notice}}",
  text: "{{text}}",
};
const plain: WebhookTemplate = {
  firing: { body: plainBody },
  resolved: { body: plainBody },
  event: { body: plainBody },
};

/** JSON to any address; by template, any system that has an interface for incidents. */
export function webhookChannel(options: WebhookOptions): NoticeChannel {
  const {
    name = "webhook",
    preset,
    credential,
    signingSecret,
    headers = {},
  } = checkOptions(webhookOptionsSchema, options, "webhook");
  const template = options.template ?? (preset === undefined ? plain : webhookPresets[preset].template);
  const url = options.url?.reveal() ?? (preset === undefined ? "" : (webhookPresets[preset].url ?? ""));
  const address = url.replace(/\/+$/, "");
  const secrets = [
    ...(options.url === undefined ? [] : secretsOfAddress(options.url)),
    ...[credential, signingSecret].filter((secret) => secret !== undefined),
    ...Object.values(headers),
    ...secretsOfTemplate(template),
  ];
  return {
    accepts: "notices",
    name,
    kind: "webhook",
    routing: options,
    takes: {
      again: template.again !== null,
      resolved: template.resolved !== null,
      event: template.event !== null,
    },
    secrets,
    async deliver(message: Message, { signal }: AttemptContext): Promise<Receipt> {
      const request = requestFor(template, message);
      const values = withLookups(
        { ...valuesOf(message), url: request.url === undefined ? url : address, credential: credential?.reveal() },
        template.lookups,
      );
      if (request !== template.firing && message.reference === undefined && template.reference !== undefined) {
        return { problems: [`nothing was sent: it is not known what ${message.notice.cause} is called there`] };
      }
      const body = JSON.stringify(fill(request.body, values));
      const answer = await sendRequest({
        url: fillAddress(request.url ?? "{{url}}", values),
        method: request.method ?? "POST",
        headers: {
          "content-type": "application/json",
          ...Object.fromEntries(
            Object.entries(request.headers ?? {}).map(([key, text]) => [key, fillText(text, values)]),
          ),
          ...Object.fromEntries(Object.entries(headers).map(([key, secret]) => [key, secret.reveal()])),
          ...(signingSecret !== undefined && signatureHeaders(message.id, body, signingSecret)),
        },
        body,
        signal,
        secrets,
      });
      return receiptOf(answer, request === template.firing ? template.reference : undefined);
    },
  };
}

/** The channel says what it takes, so that nothing else arrives here. */
function requestFor({ firing, again, resolved, event }: WebhookTemplate, { occasion }: Message): RequestTemplate {
  const requests = { first: firing, reminder: again ?? firing, escalation: again ?? firing, resolved, event };
  return requests[occasion] ?? firing;
}

const soundsSecret = /auth|token|key|secret|cookie/i;

/** `credential` is the place for them, but a header may be written out in a template as well. */
function secretsOfTemplate({ firing, again, resolved, event }: WebhookTemplate): Secret[] {
  return [firing, again, resolved, event]
    .flatMap((request) => Object.entries(request?.headers ?? {}))
    .filter(([name, text]) => soundsSecret.test(name) && !text.includes("{{"))
    .map(([, text]) => new Secret(text));
}

function receiptOf(answer: string, pointer: string | undefined): Receipt {
  if (pointer === undefined) return {};
  const reference = readPointer(parsed(answer), pointer);
  if (reference !== undefined) return { reference };
  return { problems: [`its answer has nothing at ${pointer}: what was opened cannot be closed from here`] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What templates may name. */
function valuesOf(message: Message): Values {
  const { notice, id, incident, key, source, occasion, reference } = message;
  const { cause, severity, state, title, what, since, at, action, databases, facts, runId, report, logHead } = notice;
  const { sections } = wordingOf(message);
  return {
    id,
    incident,
    key,
    source,
    occasion,
    reference,
    cause,
    severity,
    state,
    title,
    what,
    since,
    at,
    action,
    databases: [...databases],
    component: databases.length === 0 ? "backup" : databases.join(", "),
    stillSafe: sections.find(({ heading }) => heading === "What is still safe")?.lines.join("\n"),
    facts: facts?.rows.map((row) =>
      Object.fromEntries(facts.columns.map((column, index) => [column, row[index] ?? ""])),
    ),
    runId,
    report,
    logHead,
    notice: toJson(notice),
    text: formatText(message),
  };
}
