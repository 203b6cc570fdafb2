import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { newId } from "./id.ts";

/** Replaces a file so that after a power cut it is the old one or the new one, whole. Mode 0600. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const staged = `${path}.${newId()}.tmp`;
  const file = await open(staged, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(staged, path);
  await syncDirectory(dirname(path));
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
