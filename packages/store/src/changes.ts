import { readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  BackupError,
  codeOf,
  newId,
  parseManifest,
  syncDirectory,
  toBackupError,
  type Manifest,
  type Said,
} from "@sutazai/backup-core";
import { assertConsistent, largestManifest, readManifest, type Catalogue, type Location } from "./catalogue.ts";
import { sha256 } from "./content.ts";
import { exists, makeDirectories, readSmallFile, writeNewFile } from "./files.ts";
import { databaseFolder, databaseOfFolder, foldersOf, manifestFile } from "./names.ts";
import type { Staging, StagingPlace } from "./staging.ts";
import type { OpenLog, StoreLogLine, Tombstone } from "./store-log.ts";

/** What publishing and deleting need of the store. */
export interface StoreParts {
  readonly root: string;
  readonly catalogue: Catalogue;
  readonly staging: Staging;
}

/**
 * Brings the log up to what a crash left unsaid, between a rename and its line: a published backup that is not in the log is
 * entered, and so is the end of one that was taken out. Every change begins with it.
 */
export async function catchUp(log: OpenLog, { catalogue, staging }: StoreParts): Promise<void> {
  const published = new Set<string>();
  for (const { action, backup } of log.entries) {
    if (action === "publish") published.add(backup);
    else published.delete(backup);
  }
  const inPlace = new Set<string>();
  for (const location of await catalogue.locations()) {
    inPlace.add(location.id);
    if (published.has(location.id)) continue;
    const found = await readManifest(location).catch(() => undefined); // Damaged: `list` tells.
    if (found === undefined) continue;
    await log.append(publicationOf(found.manifest, found.sha256));
    published.add(location.id);
  }
  for (const tombstone of await staging.takenOut()) {
    if (published.has(tombstone.backup) && !inPlace.has(tombstone.backup))
      await log.append({ action: "delete", ...tombstone });
  }
}

/**
 * Moves a staged backup into place under the log's lock: manifest, fsync of every directory, one rename, log. What fails after the
 * rename takes it back. A crash right after it leaves a complete backup, which the next change enters into the log.
 */
export async function publish(
  log: OpenLog,
  parts: StoreParts,
  staged: string,
  unnumbered: Omit<Manifest, "sequence">,
  assertLocked: () => Promise<void>,
): Promise<Manifest> {
  await catchUp(log, parts);
  const { format, version, id, database, kind, ...rest } = unnumbered;
  const earlier = log.entries.filter((entry) => entry.database === database).map((entry) => entry.backupSequence);
  const sequence = earlier.reduce((highest, next) => Math.max(highest, next), 0) + 1;
  const manifest: Manifest = { format, version, id, database, kind, sequence, ...rest };
  const content = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  const published = readBack(content);

  const folder = databaseFolder(database, kind);
  const target = join(parts.root, folder, id);
  await makeDirectories(parts.root, [...foldersOf(folder), folder]);
  await removeEmptyAndSync(staged);
  await rm(join(staged, manifestFile), { force: true }); // Of an attempt that failed.
  await writeNewFile(join(staged, manifestFile), content);
  await syncDirectory(staged);
  await assertLocked();
  await moveDurably(staged, target, () => log.append(publicationOf(published, sha256(content))));
  return published;
}

/** What could not be read again must not be published: proved on the text itself. */
function readBack(content: Buffer): Manifest {
  try {
    if (content.length > largestManifest) throw new BackupError("unsupported", `it has ${content.length} bytes`);
    const manifest = parseManifest(content.toString("utf8"), "it");
    assertConsistent(manifest, "it");
    return manifest;
  } catch (error) {
    throw new BackupError(
      "unknown",
      `the manifest to be published could not be read again: ${toBackupError(error).message}`,
      {
        operation: "store.publish",
        hint: "report this as a fault of this software",
        cause: error,
      },
    );
  }
}

/**
 * Takes a backup out of its place in one rename, so that half of one is never listed, and enters that into the log. Returns
 * where it is now; disposing that removes it for good.
 */
export async function takeOut(
  log: OpenLog,
  parts: StoreParts,
  id: string,
  assertLocked: () => Promise<void>,
): Promise<StagingPlace> {
  await catchUp(log, parts);
  const location = await parts.catalogue.find(id);
  const tombstone = await tombstoneOf(log, location);
  const place = await parts.staging.make(newId(), tombstone);
  try {
    await assertLocked();
    await moveDurably(location.path, place.content, () => log.append({ action: "delete", ...tombstone }));
    return place;
  } catch (error) {
    // Unless it could not be put back: then it is the only trace of it, for the next change.
    if (!(await exists(place.content))) await place[Symbol.asyncDispose]();
    throw error;
  }
}

/** What the log is to say of a backup that goes; also of one whose manifest cannot be read. */
async function tombstoneOf(log: OpenLog, location: Location): Promise<Tombstone> {
  const entry = log.entries.findLast(({ backup, action }) => backup === location.id && action === "publish");
  if (entry !== undefined) {
    return {
      backup: entry.backup,
      database: entry.database,
      backupSequence: entry.backupSequence,
      manifest: entry.manifest,
    };
  }
  const bytes = await readSmallFile(join(location.path, manifestFile), largestManifest).catch(() => Buffer.alloc(0));
  return {
    backup: location.id,
    database: databaseOfFolder(location.folder),
    backupSequence: 0,
    manifest: sha256(bytes),
  };
}

/** Renames, makes that durable, and does what must follow; takes the rename back where either fails. */
async function moveDurably(from: string, to: string, follow: () => Promise<void>): Promise<void> {
  if (await exists(to)) throw new BackupError("unknown", `${to} is there already`);
  await rename(from, to);
  try {
    await syncDirectory(dirname(to));
    await syncDirectory(dirname(from));
    await follow();
  } catch (error) {
    await rename(to, from).catch(() => undefined); // Still moved, then: the next change enters it into the log.
    throw error;
  }
}

/** Removes directories that hold nothing (their artifact failed) and makes the entries of the others durable, from the leaves up. */
async function removeEmptyAndSync(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const below = join(path, entry.name);
    await removeEmptyAndSync(below);
    await rmdir(below).catch((error: unknown) => {
      if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    });
  }
  await syncDirectory(path);
}

function publicationOf({ id, database, sequence }: Manifest, manifest: string): Said<StoreLogLine> {
  return { action: "publish", backup: id, database, backupSequence: sequence, manifest };
}
