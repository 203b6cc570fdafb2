import { lstat, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupError, newId } from "@sutazai/backup-core";
import { taskOf, type Change, type InstalledFile, type Place } from "./plan.ts";

/** Undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
}

/** Replaces a file of ours, readable for all. Throws `refused` for one that is somebody else's, `permission` with what to do. */
export async function putFile({ path, text }: InstalledFile, place: Place): Promise<Change> {
  const present = await readIfThere(path);
  if (present === text) return { path, change: "unchanged" };
  if (present !== undefined && taskOf({ path, text: present }) === undefined) {
    throw new BackupError("refused", `${path} is there already, and was not written by sutazai-backup`, {
      operation: "schedule",
      hint: "see what it is for, move it away, and install again",
    });
  }
  await needingPermission(path, place, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const staged = `${path}.${newId()}.tmp`;
    await writeFile(staged, text, { mode: 0o644, flush: true });
    await rename(staged, path);
  });
  return { path, change: "written" };
}

export async function putLink(path: string, target: string, place: Place): Promise<Change> {
  if (await isThere(path)) return { path, change: "unchanged" };
  await needingPermission(path, place, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await symlink(target, path);
  });
  return { path, change: "written" };
}

export async function removeFile(path: string, place: Place): Promise<Change[]> {
  if (!(await isThere(path))) return [];
  await needingPermission(path, place, () => rm(path));
  return [{ path, change: "removed" }];
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function needingPermission(path: string, { scope }: Place, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw error;
    throw new BackupError("permission", `${path} cannot be written by this user`, {
      operation: "schedule",
      hint:
        scope === "system"
          ? "run the same command with sudo, or install it for this user alone with --user"
          : "see who owns that directory",
      cause: error,
    });
  }
}
