import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { toBackupError, type ArtifactEntry, type Bytes, type IntegrityReport } from "@sutazai/backup-core";
import { isAnnotationFile, readAnnotations } from "./annotations.ts";
import { assertRegular } from "./artifact.ts";
import { readManifest, type Location } from "./catalogue.ts";
import { differenceOf, Meter } from "./content.ts";
import { readBlocks } from "./files.ts";
import { annotationsFolder, foldersOf, manifestFile } from "./names.ts";

/**
 * Compares every stored byte of a backup with its manifest, and the manifest with the log (`logged`, its digest there). What
 * is wrong with the backup is a finding, also an unreadable manifest; what keeps us from looking is thrown.
 */
export async function checkBackup(
  location: Location,
  logged: string | undefined,
  signal: AbortSignal,
): Promise<IntegrityReport> {
  const problems: string[] = [];
  const noting = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (thrown) {
      const error = toBackupError(thrown);
      if (error.reason !== "corrupt") throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const read = await noting(() => readManifest(location));
  if (read === undefined) return { files: 0, bytes: 0, problems };
  if (logged !== undefined && read.sha256 !== logged) {
    problems.push(`${manifestFile}: has the SHA-256 ${read.sha256}, the store's log says ${logged}`);
  }
  const { artifacts } = read.manifest;
  let bytes = 0;
  for (const artifact of artifacts) {
    const problem = await checkFile(location.path, artifact, signal);
    if (problem === undefined) bytes += artifact.stored.bytes;
    else problems.push(`${artifact.file}: ${problem}`);
  }
  problems.push(...(await unexpected(location.path, artifacts)));
  await noting(() => readAnnotations(location.path));
  return { files: artifacts.length, bytes, problems };
}

async function checkFile(directory: string, entry: ArtifactEntry, signal: AbortSignal): Promise<string | undefined> {
  const meter = new Meter();
  try {
    await assertRegular(directory, entry);
    await drain(meter.measure(readBlocks(join(directory, entry.file))), signal);
  } catch (thrown) {
    const error = toBackupError(thrown);
    if (error.reason === "corrupt") return error.message;
    if (error.reason === "not-found") return "is missing";
    throw error;
  }
  return differenceOf(entry.stored, meter.finish());
}

async function drain(content: Bytes, signal: AbortSignal): Promise<void> {
  for await (const _ of content) signal.throwIfAborted();
}

/** What is in the directory and in neither manifest nor annotations. */
async function unexpected(directory: string, artifacts: readonly ArtifactEntry[]): Promise<string[]> {
  const files = new Set([manifestFile, ...artifacts.map(({ file }) => file)]);
  const folders = new Set([annotationsFolder, ...artifacts.flatMap(({ file }) => foldersOf(file))]);
  const problems: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const isAnnotation = folder === annotationsFolder && entry.isFile() && isAnnotationFile(entry.name);
      if (entry.isDirectory() && folders.has(path)) await walk(path);
      else if (!isAnnotation && !files.has(path)) problems.push(`${path}: is not in the manifest`);
    }
  };
  await walk("");
  return problems;
}
