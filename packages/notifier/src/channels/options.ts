import { BackupError, type Secret } from "@sutazai/backup-core";
import type { z } from "zod";

/** The options, if the schema passes them. Throws `configuration`, naming what is wrong but no values: some are secrets. */
export function checkOptions<T>(schema: z.ZodType<T>, options: T, kind: string): T {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => [...path, message].map(String).join(": "));
  throw new BackupError("configuration", `the options of a channel (${kind}): ${issues.join("; ")}`, {
    operation: "notify.options",
    hint: "mend the settings named",
  });
}

/** For schemas: whether a secret holds an address that can be posted to. */
export function httpAddress(secret: Secret): boolean {
  const text = secret.reveal();
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}
