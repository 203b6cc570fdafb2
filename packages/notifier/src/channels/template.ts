import type { Json } from "@sutazai/backup-core";
import { z } from "zod";
import { shorten } from "../wording.ts";

/** A request as data. In each string, `{{name}}` stands for a value; a string that is nothing else becomes that value itself, whatever its type, and goes where there is none. */
export interface RequestTemplate {
  /** `POST` unless given. */
  readonly method?: "POST" | "PUT" | "PATCH" | "DELETE";
  /** `{{url}}` unless given. Other values in it are encoded. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Json;
}

/** How a system is told: one request for each occasion, null for those that it is not told of. */
export interface WebhookTemplate {
  readonly firing: RequestTemplate;
  /** Reminders and escalations; as `firing` unless given. */
  readonly again?: RequestTemplate | null;
  readonly resolved: RequestTemplate | null;
  readonly event: RequestTemplate | null;
  /** JSON pointer into the answer to `firing`: what the system calls the incident, `{{reference}}` from then on. */
  readonly reference?: string;
  /** Values that follow from others: `{ priority: { from: "severity", values: { critical: "P1", warning: "P3", info: "P5" } } }`. */
  readonly lookups?: Readonly<Record<string, Lookup>>;
}

export interface Lookup {
  readonly from: string;
  readonly values: Readonly<Record<string, string | number>>;
}

const requestSchema: z.ZodType<RequestTemplate> = z.strictObject({
  method: z.enum(["POST", "PUT", "PATCH", "DELETE"]).optional(),
  url: z.string().min(1).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.json(),
}) as z.ZodType<RequestTemplate>;

export const webhookTemplateSchema: z.ZodType<WebhookTemplate> = z.strictObject({
  firing: requestSchema,
  again: requestSchema.nullable().optional(),
  resolved: requestSchema.nullable(),
  event: requestSchema.nullable(),
  reference: z.string().startsWith("/").optional(),
  lookups: z
    .record(
      z.string(),
      z.strictObject({ from: z.string(), values: z.record(z.string(), z.union([z.string(), z.number()])) }),
    )
    .optional(),
}) as z.ZodType<WebhookTemplate>;

export type Values = Readonly<Record<string, Json | undefined>>;

/** Adds the values that follow from others. */
export function withLookups(values: Values, lookups: WebhookTemplate["lookups"] = {}): Values {
  return {
    ...values,
    ...Object.fromEntries(
      Object.entries(lookups).map(([name, { from, values: table }]) => [name, table[textOf(values[from])]]),
    ),
  };
}

// `{{title}}`, `{{title|130}}` for at most so many characters, `{{credential|base64}}`.
const placeholder = /\{\{(\w+)(?:\|(\w+))?\}\}/g;
const onlyPlaceholder = /^\{\{(\w+)\}\}$/;

/** The template with its values filled in. */
export function fill(template: Json, values: Values): Json | undefined {
  if (typeof template === "string") {
    const name = onlyPlaceholder.exec(template)?.[1];
    return name === undefined ? fillText(template, values) : values[name];
  }
  if (Array.isArray(template)) {
    return template.map((item) => fill(item, values)).filter((item) => item !== undefined);
  }
  if (typeof template !== "object" || template === null) return template;
  const entries = Object.entries(template).map(([name, value]) => [name, fill(value, values)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

export function fillText(
  template: string,
  values: Values,
  encode: (text: string, name: string) => string = same,
): string {
  return template.replaceAll(placeholder, (_, name: string, filter: string | undefined) => {
    const text = textOf(values[name]);
    return encode(filter === undefined ? text : filtered(text, filter), name);
  });
}

/** An address with its values filled in: `{{url}}` as it is, others encoded. */
export function fillAddress(template: string, values: Values): string {
  return fillText(template, values, (text, name) => (name === "url" ? text : encodeURIComponent(text)));
}

function filtered(text: string, filter: string): string {
  return filter === "base64" ? Buffer.from(text).toString("base64") : shorten(text, Number(filter));
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function same(text: string): string {
  return text;
}

/** What a JSON pointer (RFC 6901) finds, as text. */
export function readPointer(value: unknown, pointer: string): string | undefined {
  const steps = pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const found = steps.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[step] : undefined,
    value,
  );
  return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
}
