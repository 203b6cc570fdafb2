import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupError,
  codeOf,
  parseManifest,
  toBackupError,
  type ArtifactSource,
  type Codec,
  type CodecName,
  type Manifest,
  type StoredBackup,
} from "@sutazai/backup-core";
import { readArtifact } from "./artifact.ts";
import { sha256 } from "./content.ts";
import { readSmallFile } from "./files.ts";
import {
  databaseFolder,
  databaseFolders,
  databaseOfFolder,
  isArtifactFile,
  isBackupId,
  isDatabaseFolder,
  manifestFile,
  vectorFolder,
} from "./names.ts";
import { noArtifact } from "./staged-backup.ts";

/** More than a fingerprint of a hundred thousand tables needs; what is larger is damage. */
export const largestManifest: number = 64 * 1024 * 1024;

/** Where a backup lies. */
export interface Location {
  readonly id: string;
  /** The database's folder, below the root. */
  readonly folder: string;
  readonly path: string;
}

export interface ReadManifest {
  readonly manifest: Manifest;
  readonly sha256: string;
}

/** What is published, read off the directories: each backup is the directory of its id, with a manifest in it. */
export class Catalogue {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Every backup, or those of one database; what is damaged comes first, then oldest first. */
  async list(database?: string): Promise<StoredBackup[]> {
    const wanted = database === undefined ? undefined : databaseFolders(database).map((folder) => folder.toLowerCase());
    const folders = (await this.#folders()).filter((folder) => wanted?.includes(folder.toLowerCase()) ?? true);
    const found: StoredBackup[] = [];
    for (const location of await this.#locate(folders)) {
      const backup = await describe(location, database);
      if (backup !== undefined && (database === undefined || backup.database === database)) found.push(backup);
    }
    return found.sort(byDatabaseAndAge);
  }

  /** All directories that are, or were, published backups. */
  async locations(): Promise<Location[]> {
    return this.#locate(await this.#folders());
  }

  /** Where a backup lies; throws `not-found`. Of two with this id (somebody made a copy) the one that is in order. */
  async find(id: string): Promise<Location> {
    const found = isBackupId(id) ? (await this.locations()).filter((location) => location.id === id) : [];
    for (const location of found.length > 1 ? found : []) {
      if ((await describe(location))?.manifest !== undefined) return location;
    }
    if (found[0] !== undefined) return found[0];
    throw new BackupError("not-found", `there is no backup "${id}" in ${this.#root}`, {
      operation: "store.open",
      hint: "see what there is with `sutazai-backup list`",
    });
  }

  async #folders(): Promise<string[]> {
    const top = await folderNames(this.#root).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
      throw new BackupError("not-found", `there is no store at ${this.#root}`, {
        operation: "store.list",
        hint: "check the path; the first backup makes the store",
      });
    });
    const vectors = await folderNames(join(this.#root, vectorFolder)).catch(nothingThere);
    return [...top, ...vectors.map((name) => `${vectorFolder}/${name}`)];
  }

  async #locate(folders: readonly string[]): Promise<Location[]> {
    const found: Location[] = [];
    for (const folder of folders) {
      const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(nothingThere);
      for (const entry of entries) {
        const path = join(this.#root, folder, entry.name);
        if (!entry.isDirectory()) continue;
        // A directory named by an id was published with its manifest: without one it is damaged, not unknown.
        if (isBackupId(entry.name) || (await hasManifest(path))) found.push({ id: entry.name, folder, path });
      }
    }
    return found;
  }
}

/** A published manifest and its digest. Throws `corrupt`, `incompatible-version`, `permission`. */
export async function readManifest({ id, folder, path }: Location): Promise<ReadManifest> {
  const file = join(path, manifestFile);
  const bytes = await readSmallFile(file, largestManifest).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
    throw damaged(`${file} is missing`, error);
  });
  const manifest = parseManifest(bytes.toString("utf8"), file);
  if (manifest.id !== id) throw damaged(`${file} is the manifest of another backup, ${manifest.id}`);
  const expected = databaseFolder(manifest.database, manifest.kind);
  if (expected.toLowerCase() !== folder.toLowerCase()) {
    throw damaged(`${file} is of the database "${manifest.database}", whose backups are in ${expected}`);
  }
  assertConsistent(manifest, file);
  return { manifest, sha256: sha256(bytes) };
}

/** A published backup as adapters read it. */
export function sourceOf(
  { id, path }: Location,
  manifest: Manifest,
  codecOf: (name: CodecName) => Codec,
): ArtifactSource {
  return {
    manifest,
    read: (name) => {
      const entry = manifest.artifacts.find((artifact) => artifact.name === name);
      if (entry === undefined) throw noArtifact(name, id, manifest.database);
      return readArtifact(path, entry, codecOf);
    },
  };
}

/** Artifacts stay within the backup, have files of their own, and are those the forms name. */
export function assertConsistent({ artifacts, forms }: Pick<Manifest, "artifacts" | "forms">, where: string): void {
  const outside = artifacts.find(({ file }) => !isArtifactFile(file));
  if (outside !== undefined) {
    throw damaged(`${where} names a file that is no artifact's: ${JSON.stringify(outside.file)}`);
  }
  const names = new Set(artifacts.map(({ name }) => name));
  if (names.size !== artifacts.length || new Set(artifacts.map(({ file }) => file)).size !== artifacts.length) {
    throw damaged(`${where} names an artifact or a file twice`);
  }
  for (const form of forms) {
    const missing = form.artifacts.find((name) => !names.has(name));
    if (missing !== undefined) {
      throw damaged(`${where}: the form "${form.name}" needs the artifact "${missing}", which is not there`);
    }
  }
}

function damaged(message: string, cause?: unknown): BackupError {
  return new BackupError("corrupt", message, {
    operation: "manifest.read",
    hint: "this backup cannot be trusted; use another one (`sutazai-backup list`)",
    ...(cause !== undefined && { cause }),
  });
}

/** Undefined where it was deleted since it was found. */
async function describe(location: Location, database?: string): Promise<StoredBackup | undefined> {
  const { id, folder, path } = location;
  try {
    const { manifest } = await readManifest(location);
    return { id, database: manifest.database, manifest };
  } catch (error) {
    const gone = await lstat(path).then(
      () => false,
      (reason: unknown) => codeOf(reason) === "ENOENT",
    );
    return gone ? undefined : { id, database: database ?? databaseOfFolder(folder), problem: toBackupError(error) };
  }
}

function byDatabaseAndAge(a: StoredBackup, b: StoredBackup): number {
  return (
    compare(a.database, b.database) ||
    compare(a.manifest?.sequence ?? 0, b.manifest?.sequence ?? 0) ||
    compare(a.id, b.id)
  );
}

function compare<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function folderNames(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && isDatabaseFolder(entry.name)).map(({ name }) => name);
}

async function hasManifest(path: string): Promise<boolean> {
  return lstat(join(path, manifestFile)).then(
    () => true,
    () => false,
  );
}

function nothingThere(error: unknown): [] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}
