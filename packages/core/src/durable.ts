import { constants } from "node:fs";
import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackupError } from "./error.ts";
import { newId } from "./id.ts";

/** Replaces a file so that after a power cut it is the old one or the new one, whole. Mode 0600. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const staged = `${path}.${newId()}.tmp`;
  const file = await open(staged, "w", 0o600);
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staged, path);
  } catch (error) {
    await rm(staged, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

const abandonedAfterMs = 3_600_000;
/** With an id in the name: nobody else's. */
const temporary = /\d{8}T\d{6}\.\d{3}Z-[0-9a-z]{6}(?:\.json)?\.tmp$/;

/** Removes, in a directory and below, the temporary files of ours that nobody has touched for an hour: whoever wrote them died over it. Returns their paths. */
export async function removeAbandoned(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  const removed: string[] = [];
  for (const entry of entries.filter((each) => each.isFile() && temporary.test(each.name))) {
    const path = join(entry.parentPath, entry.name);
    const touched = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - touched < abandonedAfterMs) continue;
    await rm(path, { force: true });
    removed.push(path);
  }
  return removed;
}

/** Makes renames, creations and removals within a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Opens a regular file for reading; never follows a link, never hangs on a pipe. Throws `corrupt` where it is something else. */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (codeOf(error) === "ELOOP" || codeOf(error) === "ENXIO") throw notRegular(path, error);
      throw error;
    },
  );
  try {
    if (!(await file.stat()).isFile()) throw notRegular(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function notRegular(path: string, cause?: unknown): BackupError {
  return new BackupError("corrupt", `${path} is not a regular file`, cause === undefined ? {} : { cause });
}

/** The code of a system error; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
