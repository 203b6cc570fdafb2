import { createHmac } from "node:crypto";
import type { Secret } from "@sutazai/backup-core";

const prefix = "whsec_";

/**
 * The headers of the Standard Webhooks specification (https://www.standardwebhooks.com): an HMAC-SHA256 over id, time and body, so that a receiver can tell
 * that a request is ours, is recent and is no second copy. Libraries for checking it exist in most languages.
 */
export function signatureHeaders(
  id: string,
  body: string,
  secret: Secret,
  now: Date = new Date(),
): Record<string, string> {
  const text = secret.reveal();
  const key = text.startsWith(prefix) ? Buffer.from(text.slice(prefix.length), "base64") : Buffer.from(text);
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
