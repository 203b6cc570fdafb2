import { Secret } from "@sutazai/backup-core";
import { adapterModules } from "../adapters.ts";

export const redacted: string = String(new Secret(""));

const namedSecrets = new Set(Object.values(adapterModules).flatMap(({ secrets }) => secrets));

// Wider than what is known to be one: a setting hidden without need costs a look into the file, one shown costs the secret.
const soundsSecret = /pass(word|phrase)?$|secret|token$|credential|api_?key$|webhook$|headers$|^check$|^ping/i;

/** A setting's value as it may be shown: credentials are replaced, also those within tables and addresses, and whatever is below them. */
export function redactSetting(path: readonly string[], value: unknown): unknown {
  if (value instanceof Secret) return redacted;
  if (value === undefined || value === null || typeof value === "boolean") return value;
  if (path.some((name) => namedSecrets.has(name) || soundsSecret.test(name))) return redacted;
  if (Array.isArray(value)) return value.map((item) => redactSetting(path, item));
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactSetting([...path, key], inner)]));
  }
  return typeof value === "string" ? redactAddress(value) : value;
}

/** Credentials and whatever follows the path of an address. */
function redactAddress(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "") return text;
  const credentials = url.username === "" && url.password === "" ? "" : `${redacted}@`;
  return `${url.protocol}//${credentials}${url.host}${url.pathname}${url.search === "" ? "" : `?${redacted}`}`;
}
