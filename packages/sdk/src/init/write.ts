import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { BackupError, codeOf, toBackupError, writeDurably } from "@sutazai/backup-core";

/** Where `init` writes unless told otherwise: where the program looks first. */
export const initFile = "sutazai-backup.config.yaml";

export interface WriteConfigOptions {
  /** Replace what is there. */
  readonly force?: boolean;
}

/** Throws `configuration` for a name that would not be read as YAML, and `refused` where a file is there already. */
export async function assertMayWrite(path: string, { force = false }: WriteConfigOptions = {}): Promise<void> {
  if (![".yaml", ".yml"].includes(extname(path))) {
    throw new BackupError("configuration", `${path} would not be read as YAML`, {
      operation: "init",
      hint: `name a file that ends in .yaml: ${initFile}`,
    });
  }
  await access(dirname(resolve(path)), constants.W_OK).catch((error: unknown) => {
    throw toBackupError(error, { operation: "init", hint: "name a file in a directory that exists and is yours" });
  });
  if (force || !(await isThere(path))) return;
  throw new BackupError("refused", `${path} is there already`, {
    operation: "init",
    hint: "look at it (`sutazai-backup config show`), name another with --output, or replace it with --force",
  });
}

/** Writes a configuration that only this user can read; whole or not at all. */
export async function writeConfig(path: string, text: string, options: WriteConfigOptions = {}): Promise<void> {
  await assertMayWrite(path, options);
  await writeDurably(resolve(path), text);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}
