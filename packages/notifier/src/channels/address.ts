import type { Secret } from "@sutazai/backup-core";

/** For schemas: whether a secret holds an address that can be posted to. */
export function httpAddress(secret: Secret): boolean {
  const text = secret.reveal();
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
