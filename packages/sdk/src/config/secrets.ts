import { BackupError, Secret } from "@sutazai/backup-core";
import type { Merged } from "./layers.ts";
import { readSecretFile } from "./variables.ts";

/**
 * Options with the named ones wrapped: each may be given as text, or, as `…File`, by the path of a file that holds it. Throws `configuration` where it
 * is given as both.
 */
export async function wrapSecrets(
  at: readonly string[],
  given: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
  merged: Merged,
): Promise<Record<string, unknown>> {
  const result: Record<string, unknown> = { ...given };
  for (const secret of secrets) {
    const fileOption = `${secret}File`;
    const { [secret]: value, [fileOption]: path } = result;
    delete result[fileOption];
    const setting = merged.sourceOf([...at, fileOption]);
    if (value !== undefined && path !== undefined) {
      throw new BackupError("configuration", `${merged.sourceOf([...at, secret])} and ${setting} are both set`, {
        operation: "configuration",
        hint: "keep one of the two",
      });
    }
    if (typeof path === "string") result[secret] = new Secret(await readSecretFile(path, setting));
    else if (typeof value === "string" || typeof value === "number") result[secret] = new Secret(String(value));
  }
  return result;
}
