import { BackupError, redact, Secret } from "@sutazai/backup-core";
import type { Notice } from "./notice.ts";

/** Names, by which notices are told apart and databases found. They come from the configuration, not from elsewhere. */
const names: ReadonlySet<string> = new Set(["cause", "state", "severity", "databases", "database"]);

/** A notice without these secrets, plain or as addresses hold them. Its texts come from tools and servers that may repeat what they were given. */
export function redactNotice(notice: Notice, secrets: readonly Secret[]): Notice {
  return redacted(notice, inEveryForm(secrets)) as Notice;
}

export function inEveryForm(secrets: readonly Secret[]): readonly Secret[] {
  return secrets.flatMap((secret) => {
    const encoded = encodeURIComponent(secret.reveal());
    return encoded === secret.reveal() ? [secret] : [secret, new Secret(encoded)];
  });
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
