import { unescape } from "node:querystring";
import { BackupError, redact, Secret } from "@sutazai/backup-core";
import type { Notice } from "./notice.ts";

/** Names, by which notices are told apart and databases found. They come from the configuration, not from elsewhere. */
const names: ReadonlySet<string> = new Set(["cause", "state", "severity", "databases", "database"]);

/** A notice without these secrets. Its texts come from tools and servers that may repeat what they were given. */
export function redactNotice(notice: Notice, secrets: readonly Secret[]): Notice {
  return redacted(notice, secrets) as Notice;
}

// Shorter ones are words, which must not disappear from all that is said.
const shortestToken = 16;
const shortestPath = 9;

/** An address that is a secret, and what of it a server may repeat without the rest: path and query, the tokens in them, user and password. */
export function secretsOfAddress(address: Secret): Secret[] {
  const { pathname, search, searchParams, username, password } = new URL(address.reveal());
  const [user = "", word = ""] = [username, password].map((text) => unescape(text));
  const wholes = [pathname, search].filter((text) => text.length >= shortestPath);
  const tokens = [...pathname.split("/"), ...searchParams.values(), user].filter(
    (text) => text.length >= shortestToken,
  );
  const parts = [...wholes, ...tokens].map((text) => unescape(text)).concat(word, inBasic(user, word));
  return [address, ...parts.map((part) => new Secret(part))];
}

/** User and password as they are sent; nothing where there are none. */
function inBasic(user: string, password: string): string {
  return Buffer.from(user + password === "" ? "" : `${user}:${password}`).toString("base64");
}

/** A channel's error may repeat what a server said, or what it was configured with. */
export function redactError(error: BackupError, secrets: readonly Secret[]): BackupError {
  const plain = error.toJSON();
  const clean = redacted(plain, secrets) as typeof plain;
  if (JSON.stringify(clean) === JSON.stringify(plain)) return error;
  const { reason, message, ...options } = clean;
  return new BackupError(reason, message, options);
}

function redacted(value: unknown, secrets: readonly Secret[]): unknown {
  if (typeof value === "string") return redact(value, secrets);
  if (Array.isArray(value)) return value.map((item) => redacted(item, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, names.has(name) ? inner : redacted(inner, secrets)]),
  );
}
