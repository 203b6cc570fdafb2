import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BackupError, newId, Secret, toBackupError } from "@sutazai/backup-core";
import type { Merged } from "./layers.ts";
import { readSecretFile } from "./variables.ts";

/** Stands where a secret could not be read: opens nothing, and what needs it to be there can be checked all the same. */
class UnreadableSecret extends Secret {
  readonly why: BackupError;

  constructor(why: BackupError) {
    super(newId());
    this.why = why;
  }
}

/** Why the first secret among these options that could not be read could not be. */
export function unreadableIn(options: Readonly<Record<string, unknown>>): BackupError | undefined {
  return Object.values(options).find((option) => option instanceof UnreadableSecret)?.why;
}

/**
 * Options with the named ones wrapped: each may be given as text, or, as `…File`, by the path of a file that holds it. Throws `configuration` where it
 * is given as both, and where a file cannot be read unless that is `tolerated`: {@link unreadableIn} finds it then.
 */
export async function wrapSecrets(
  at: readonly string[],
  given: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
  merged: Merged,
  { tolerated = false }: { readonly tolerated?: boolean } = {},
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
    if (typeof path === "string") {
      result[secret] = await readSecretFile(path, setting).then(
        (held) => new Secret(held),
        (error: unknown) => {
          if (!tolerated) throw error;
          return new UnreadableSecret(toBackupError(error));
        },
      );
    } else if (typeof value === "string" || typeof value === "number") result[secret] = new Secret(String(value));
  }
  return result;
}

/**
 * Credentials of systemd (`LoadCredential=`) as variables: one that is called like a variable gives its value, as a file does. Others are not ours. Throws `configuration`
 * where the directory cannot be read.
 */
export async function credentialFiles(directory: string | undefined): Promise<Record<string, string>> {
  if (directory === undefined || directory === "") return {};
  const names = await readdir(directory).catch((error: unknown) => {
    throw new BackupError("configuration", `CREDENTIALS_DIRECTORY cannot be read: ${toBackupError(error).message}`, {
      operation: "configuration",
      hint: "it is set by systemd for services with LoadCredential=: run it as one, or unset it",
    });
  });
  return Object.fromEntries(
    names.filter((name) => name.startsWith("BACKUP_")).map((name) => [`${name}_FILE`, join(directory, name)]),
  );
}
