import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { BackupError, newId, syncDirectory } from "@sutazai/backup-core";

export interface Writing {
  readonly bytes: number;
  /** From the first byte to the end of the fsync. */
  readonly ms: number;
}

/** What such files are called: one that is found belongs to a test that was killed. */
export const testFile: RegExp = /^\.self-test-/;

const size = 16 * 1024 * 1024;

/** Writes a file that no codec could make smaller, to the disk itself; reads it back, compares, and removes it. Throws `corrupt` where it differs. */
export async function measureWriting(directory: string, bytes: number = size): Promise<Writing> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `.self-test-${newId()}`);
  const content = randomBytes(bytes);
  try {
    const startedAt = performance.now();
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    const ms = performance.now() - startedAt;
    await syncDirectory(directory);
    if (digest(await readFile(path)) !== digest(content)) {
      throw new BackupError("corrupt", `${directory} gave back something else than was written`, {
        operation: "self-test",
        hint: "do not trust this disk: look at the kernel's log (`dmesg`), and move the store",
      });
    }
    return { bytes, ms };
  } finally {
    await rm(path, { force: true });
  }
}

function digest(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
