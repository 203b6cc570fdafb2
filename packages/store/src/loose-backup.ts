import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  BackupError,
  parseManifest,
  toBackupError,
  type ArtifactSource,
  type Codec,
  type CodecName,
  type IntegrityReport,
} from "@sutazai/backup-core";
import { largestManifest, readManifest, sourceOf, type Location } from "./catalogue.ts";
import { readSmallFile } from "./files.ts";
import { checkBackup } from "./integrity.ts";
import { databaseFolder, manifestFile } from "./names.ts";

/** A backup that lies in no store: copied from another machine, or brought back from an archive. */
export interface LooseBackup {
  readonly source: ArtifactSource;
  checkIntegrity(signal: AbortSignal): Promise<IntegrityReport>;
}

/**
 * Opens the directory of one backup (or the manifest in it). Throws `not-found` where there is none, `corrupt`,
 * `incompatible-version`.
 */
export async function openLooseBackup(path: string, codecOf: (name: CodecName) => Codec): Promise<LooseBackup> {
  const directory = resolve(basename(path) === manifestFile ? dirname(path) : path);
  try {
    const location = await locate(directory);
    const { manifest } = await readManifest(location);
    return {
      source: sourceOf(location, manifest, codecOf),
      checkIntegrity: (signal) => checkBackup(location, undefined, signal),
    };
  } catch (thrown) {
    throw toBackupError(thrown, { operation: "store.open-file" });
  }
}

async function locate(path: string): Promise<Location> {
  const file = join(path, manifestFile);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) {
    throw new BackupError("not-found", `${path} holds no ${manifestFile}`, {
      hint: "name the directory of a backup; a bare dump cannot be proven, docs/format.md tells how to replay one by hand",
    });
  }
  const { id, database, kind } = parseManifest((await readSmallFile(file, largestManifest)).toString("utf8"), file);
  return { id, folder: databaseFolder(database, kind), path };
}
