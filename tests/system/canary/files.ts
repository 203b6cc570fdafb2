import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

/** Every file below a directory, by its path in it, as text: one character for each byte, decompressed where it is compressed. */
export async function* textsIn(directory: string): AsyncGenerator<readonly [path: string, text: string]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(noneYet);
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    // It may have been removed meanwhile.
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    yield [path.slice(directory.length + 1), plain(entry.name, bytes).toString("latin1")];
  }
}

/** The modes of everything below a directory, and its own, in octal digits. */
export async function modesIn(directory: string): Promise<Set<string>> {
  const paths = (await readdir(directory, { recursive: true })).map((name) => join(directory, name));
  const modes = [directory, ...paths].map(async (path) => ((await stat(path)).mode & 0o7777).toString(8));
  return new Set(await Promise.all(modes));
}

function plain(name: string, bytes: Buffer): Buffer {
  if (name.endsWith(".zst")) return zstdDecompressSync(bytes);
  if (name.endsWith(".gz")) return gunzipSync(bytes);
  return bytes;
}

function noneYet(): [] {
  return [];
}
