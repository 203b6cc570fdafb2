import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeDurably } from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";

export type StoreFileParts = Pick<SystemParts, "stateDirectory" | "store">;

/** Where this host keeps something of a store, kept apart from the store itself: a file in the folder for each store, by its location. */
export function storeFile({ stateDirectory, store }: StoreFileParts, folder: string): string {
  return join(stateDirectory, folder, createHash("sha256").update(store.location).digest("hex").slice(0, 32));
}

export async function writeStoreFile(parts: StoreFileParts, folder: string, content: object): Promise<void> {
  const path = storeFile(parts, folder);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeDurably(path, `${JSON.stringify(content)}\n`);
}
