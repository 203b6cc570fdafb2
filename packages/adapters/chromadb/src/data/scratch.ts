import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "@sutazai/backup-core";
import { readContent, type DataContent } from "./content.ts";
import { extract } from "./extract.ts";

/** Reads an archive of a data directory to its end, and what is in it. It needs room for the unpacked copy in `within`, the temporary directory unless given. */
export async function contentOf(tar: Bytes, signal: AbortSignal, within: string = tmpdir()): Promise<DataContent> {
  const directory = await mkdtemp(join(within, "chromadb-"));
  try {
    return await readContent(await extract(tar, directory, signal), signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
