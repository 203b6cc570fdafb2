import { createHash } from "node:crypto";
import { Secret, secretSchema } from "@sutazai/backup-core";
import { z } from "zod";
import { deliveryFailure, type AttemptContext, type Ping, type PingChannel, type Receipt } from "../channel.ts";
import { sendRequest } from "../http.ts";
import { secretsOfAddress } from "../redaction.ts";
import { checkOptions, httpAddress } from "./options.ts";

export interface HealthcheckOptions {
  readonly name?: string;
  /** The check's ping address, or its UUID alone. Who knows it can say that all is well. */
  readonly check: Secret;
  /** Where checks known by UUID are: `https://hc-ping.com` unless given. */
  readonly endpoint?: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const defaultEndpoint = "https://hc-ping.com";

export const healthcheckOptionsSchema: z.ZodType<HealthcheckOptions> = z.strictObject({
  name: z.string().min(1).optional(),
  check: secretSchema
    .refine((secret) => uuid.test(secret.reveal()) || httpAddress(secret), "a UUID, or an http or https address")
    .describe("Ping address of the check, or its UUID"),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Where checks known by UUID are; https://hc-ping.com unless given"),
}) as z.ZodType<HealthcheckOptions>;

/** Healthchecks keeps the first 100 000 bytes of a body; the end of a log says more than its beginning. */
const longestLog = 100_000;

const paths: Readonly<Record<Ping["event"], string>> = { start: "/start", success: "", fail: "/fail", log: "/log" };

/** A check of Healthchecks (healthchecks.io, or one's own): it raises the alarm where no `success` comes in time, which nothing on this machine can. */
export function healthcheckChannel(options: HealthcheckOptions): PingChannel {
  const {
    name = "healthcheck",
    check,
    endpoint = defaultEndpoint,
  } = checkOptions(healthcheckOptionsSchema, options, "healthcheck");
  const isUuid = uuid.test(check.reveal());
  const base = isUuid ? `${endpoint.replace(/\/+$/, "")}/${check.reveal()}` : check.reveal();
  const secrets = [check, ...secretsOfAddress(new Secret(base))];
  return {
    accepts: "pings",
    name,
    kind: "healthcheck",
    secrets,
    async ping({ event, runId, log = "" }: Ping, { signal }: AttemptContext): Promise<Receipt> {
      const url = new URL(base);
      url.pathname = url.pathname.replace(/\/+$/, "") + paths[event];
      url.searchParams.set("rid", runUuid(runId));
      const headers = { "content-type": "text/plain; charset=utf-8" };
      const answer = await sendRequest({ url: url.href, headers, body: endOf(log, longestLog), signal, secrets });
      // It answers 200 to checks that are not there as well, and to what it drops.
      const [, complaint] = /^OK \((not found|rate limited)/i.exec(answer) ?? [];
      if (complaint !== undefined) {
        const reason = complaint.toLowerCase() === "not found" ? "not-found" : "connection";
        throw deliveryFailure(reason, `${url.host} answered: ${complaint}`, {
          operation: "notify",
          hint: "check the UUID or address of the check",
        });
      }
      return {};
    },
  };
}

/** Run ids are made into UUIDs (version 8: of one's own making), by which start and end of a run are matched. */
export function runUuid(runId: string): string {
  const hex = createHash("sha256").update(runId).digest("hex");
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The last bytes of a text, from the beginning of a line on. */
export function endOf(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  const end = all.subarray(all.length - bytes);
  const line = end.indexOf(10) + 1;
  // Never in the middle of a character: UTF-8 continues with 10xxxxxx.
  let start = line;
  if (line === 0) while (((end[start] ?? 0) & 0b1100_0000) === 0b1000_0000) start += 1;
  return end.subarray(start).toString("utf8");
}
