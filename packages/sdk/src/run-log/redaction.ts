import { unescape } from "node:querystring";
import { isBackupError, redact, Secret } from "@sutazai/backup-core";

const deepest = 8;

/**
 * A value as it may be written to a log: without the secrets, and without what an address holds as user and password; errors as what they say.
 * Texts come from tools and servers that may repeat what they were given.
 */
export function loggable(value: unknown, secrets: readonly Secret[]): unknown {
  return clean(value, secrets, deepest);
}

/** All secrets in settings, however deep, and the passwords in addresses. */
export function secretsIn(value: unknown): Secret[] {
  if (value instanceof Secret) return [value];
  if (typeof value === "string") return passwordIn(value);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

function passwordIn(address: string): Secret[] {
  const password = URL.canParse(address) ? new URL(address).password : "";
  return password === "" ? [] : [new Secret(unescape(password))];
}

function clean(value: unknown, secrets: readonly Secret[], levels: number): unknown {
  if (typeof value === "string") return redact(value, secrets).replaceAll(credentials, "$1**redacted**@");
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Secret) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (levels === 0) return "…";
  const inner = (item: unknown) => clean(item, secrets, levels - 1);
  if (value instanceof Error) {
    const { message, stack, cause } = value;
    return inner({
      ...(isBackupError(value) && value.toJSON()),
      message,
      stack,
      ...(cause !== undefined && { cause }),
    });
  }
  if (Array.isArray(value)) return value.map(inner);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inner(item)]));
}

const credentials = /(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@"']+@/gi;
