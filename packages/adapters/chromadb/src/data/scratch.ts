import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "@sutazai/backup-core";
import type { DataContent } from "./content.ts";
import { extract } from "./extract.ts";
import { readApart } from "./reading.ts";

/** Where an archive is unpacked. */
export interface Scratch {
  /** An existing directory with room for the unpacked copy. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** How many bytes the archive has, where that is known. */
  readonly bytes?: number | undefined;
}

/** Reads an archive of a data directory to its end, and what is in it. Throws `no-space` where it cannot be unpacked. */
export async function contentOf(tar: Bytes, { scratch, signal, bytes }: Scratch): Promise<DataContent> {
  const directory = await mkdtemp(join(scratch, "chromadb-"));
  try {
    return await readApart("content", await extract(tar, directory, signal, bytes), signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
