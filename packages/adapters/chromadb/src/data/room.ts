import { statfs } from "node:fs/promises";
import { BackupError } from "@sutazai/backup-core";

const mebibyte = 1024 * 1024;
/** Left to whoever else writes there. */
const spare = 16 * mebibyte;
/** Written between two looks. */
const step = 16 * mebibyte;
/** What a file takes besides its content, however small it is. */
const perFile = 4096;

/** The room that a directory has for what is unpacked into it, looked at again and again: others write there too. */
export class Room {
  readonly #directory: string;
  #granted = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws `no-space` where so many bytes do not fit any more. */
  async assert(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory);
    const free = bavail * bsize;
    if (free >= bytes + spare) return;
    throw noRoom(
      `to be read it is unpacked, which needs ${Math.ceil((bytes + spare) / mebibyte)} MiB in ${this.#directory}; ${Math.floor(free / mebibyte)} MiB are free`,
    );
  }

  async forFile(): Promise<void> {
    await this.take(perFile);
  }

  /** Before so many bytes are written. */
  async take(bytes: number): Promise<void> {
    this.#granted -= bytes;
    if (this.#granted >= 0) return;
    const wanted = Math.max(step, -this.#granted);
    await this.assert(wanted);
    this.#granted += wanted;
  }
}

/** A copy of the data directory cannot be unpacked, or its database not be read there. */
export function noRoom(problem: string, cause?: unknown): BackupError {
  return new BackupError("no-space", `there is no room for a copy of the data directory: ${problem}`, {
    operation: "chromadb.inspect",
    hint: "make room there, or move the scratch files to another file system (the setting `stateDirectory`)",
    cause,
  });
}
