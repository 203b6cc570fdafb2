import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Bytes } from "@sutazai/backup-core";
import { MultisetDigest, readTar, RowHash, type TarEntry } from "@sutazai/backup-formats";
import { Room } from "./room.ts";

export const databaseFile = "chroma.sqlite3";
const wanted =
  /^(?:chroma\.sqlite3(?:-journal|-wal)?|[0-9a-f-]{36}\/(?:header|data_level0|length|link_lists)\.bin|[0-9a-f-]{36}\/index_metadata\.pickle)$/;
/** What a data directory may hold besides files: whatever else people keep there goes with it. */
export const entryTypes = ["file", "directory", "link", "symlink"] as const;

/** Never of the server's: what `mkfs` makes, and where a restore puts things aside. */
export function isForeign(name: string): boolean {
  return /^(?:lost\+found|\.sutazai-restore-[^/]*)(?:\/|$)/.test(name);
}

/** What was unpacked. */
export interface Extracted {
  readonly directory: string;
  /** Of the files unpacked, by their path. */
  readonly sizes: ReadonlyMap<string, number>;
  /** A digest of all entries, with owners, modes and content: the very copy, not only what it says. */
  readonly entries: string;
}

/**
 * Unpacks what tells the content of a data directory into a directory of ours, and takes account of the rest. Throws `no-space` before that
 * fills the file system; at once where `bytes` of the archive, or what is known of them, do not fit.
 */
export async function extract(
  tar: Bytes,
  directory: string,
  signal: AbortSignal,
  bytes: number = 0,
): Promise<Extracted> {
  const room = new Room(directory);
  await room.assert(bytes);
  const all = new MultisetDigest();
  const row = new RowHash();
  const sizes = new Map<string, number>();
  for await (const entry of readTar(tar, { types: entryTypes })) {
    if (isForeign(entry.name)) continue;
    const content =
      entry.type === "file" ? await takeFile(entry, directory, sizes, room, signal) : (entry.linkName ?? "");
    // The directory itself is there whatever is in it.
    if (entry.name === ".") continue;
    const { name, type, mode, uid, gid } = entry;
    row.reset();
    row.update(Buffer.from(JSON.stringify([name, type, type === "symlink" ? 0 : mode, uid, gid, content])));
    all.add(row);
  }
  return { directory, sizes, entries: all.toString() };
}

async function takeFile(
  { name, content }: TarEntry,
  directory: string,
  sizes: Map<string, number>,
  room: Room,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  if (!wanted.test(name)) {
    for await (const chunk of content) {
      signal.throwIfAborted();
      hash.update(chunk);
    }
    return hash.digest("hex");
  }
  await room.forFile();
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "w", 0o600);
  let size = 0;
  try {
    for await (const chunk of content) {
      signal.throwIfAborted();
      hash.update(chunk);
      await room.take(chunk.length);
      await file.writeFile(chunk);
      size += chunk.length;
    }
  } finally {
    await file.close();
  }
  sizes.set(name, size);
  return hash.digest("hex");
}
