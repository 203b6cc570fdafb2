import { chmod, lstat, mkdir, open, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BackupError, codeOf, openRegularFile, syncDirectory, toBackupError, type Bytes } from "@sutazai/backup-core";

// Every mode is set by chmod as well: what open and mkdir are given is only a wish that the umask may cut down.
const directoryMode = 0o700;
const fileMode = 0o600;

/** Makes one directory; one that is there already is left as it is. Throws for anything else of that name. Returns whether it made one. */
export async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: directoryMode });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    if ((await lstat(path)).isDirectory()) return false;
    throw new BackupError("permission", `${path} is in the way: it is not a directory`, {
      hint: "move it away; symbolic links within a store are never followed",
    });
  }
  await chmod(path, directoryMode);
  return true;
}

/** Makes a directory and those between it and `base`, which exists; each is in its parent for good when this resolves. */
export async function makeDirectories(base: string, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const path = join(base, folder);
    if (await makeDirectory(path)) await syncDirectory(dirname(path));
  }
}

/** A new file, open for writing. Throws `EEXIST` where there is one. */
export async function createFile(path: string): Promise<FileHandle> {
  const file = await open(path, "wx", fileMode);
  try {
    await file.chmod(fileMode);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A new file with this content, on disk when this resolves and gone when it rejects; its name is durable once its directory is synced. */
export async function writeNewFile(path: string, content: string | Uint8Array): Promise<void> {
  const file = await createFile(path);
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** A file that is small by its nature, whole. Throws `corrupt` for a larger one. */
export async function readSmallFile(path: string, limit: number): Promise<Buffer> {
  await using file = await openRegularFile(path);
  const { size } = await file.stat();
  if (size > limit) throw new BackupError("corrupt", `${path} is larger than any file of its kind (${size} bytes)`);
  return await file.readFile();
}

const readSize = 256 * 1024;

/** The bytes of a regular file, in blocks. */
export async function* readBlocks(path: string): Bytes {
  await using file = await openRegularFile(path);
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(readSize), 0, readSize, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Runs what touches the store's own files; a failure says what to do about it. */
export async function storing<T>(operation: string, root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error, operation, root);
  }
}

function storeError(thrown: unknown, operation: string, root: string): BackupError {
  const error = toBackupError(thrown, { operation });
  const hint = hints[error.reason]?.(root);
  return hint === undefined ? error : toBackupError(error, { hint });
}

const hints: Partial<Record<BackupError["reason"], (root: string) => string>> = {
  "no-space": (root) =>
    `free space on the file system of ${root} (what old backups could go: \`sutazai-backup prune --dry-run\`), then run it again`,
  "not-found": (root) => `see whether ${root} is still there and whole`,
  permission: (root) => `let this user write to ${root} and everything in it, or choose another store`,
};

/** Whether there is anything of that name, a dangling link included. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}
