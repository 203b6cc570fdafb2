import { lstat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupError,
  codeOf,
  isBackupError,
  toBackupError,
  type ArtifactEntry,
  type Bytes,
  type Codec,
  type CodecName,
  type Content,
} from "@sutazai/backup-core";
import { differenceOf, Meter } from "./content.ts";
import { createFile, readBlocks, storing } from "./files.ts";
import { foldersOf } from "./names.ts";

const writeSize = 256 * 1024;
const mostBuffers = 512;

/**
 * Streams one artifact into a new file through a codec, with both digests computed on the way; on disk when it resolves.
 * At most two blocks are held: one being filled, one being written. What is stored as it is, is digested once.
 */
export async function writeArtifact(
  path: string,
  plain: Bytes,
  codec: Codec,
  root: string,
): Promise<{ readonly plain: Content; readonly stored: Content }> {
  // Only what the disk says is the store's failure; what the content throws goes through as it is.
  const onDisk = <T>(work: () => Promise<T>) => storing("store.write", root, work);
  await using file = await onDisk(() => createFile(path));
  const plainMeter = new Meter();
  const storedMeter = codec.name === "none" ? plainMeter : new Meter();
  const measured = plainMeter.measure(plain);
  const encoded = storedMeter === plainMeter ? measured : storedMeter.measure(codec.encode(measured));
  let block: Uint8Array[] = [];
  let blockSize = 0;
  let written: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of encoded) {
      block.push(chunk);
      blockSize += chunk.length;
      if (blockSize < writeSize && block.length < mostBuffers) continue;
      await written;
      written = onDisk(writeAll.bind(undefined, file, block, blockSize));
      written.catch(() => undefined); // Seen at the next await.
      block = [];
      blockSize = 0;
    }
    await written;
    await onDisk(() => writeAll(file, block, blockSize));
  } finally {
    await written.catch(() => undefined); // The file must not be closed under it.
  }
  await onDisk(() => file.sync());
  return { plain: plainMeter.finish(), stored: storedMeter.finish() };
}

/** A nearly full disk takes part of a block without an error; the next write then tells. */
async function writeAll(file: FileHandle, block: readonly Uint8Array[], size: number): Promise<void> {
  let rest = block;
  for (let left = size; left > 0;) {
    const { bytesWritten } = await file.writev(rest);
    left -= bytesWritten;
    if (left > 0) rest = [Buffer.concat(rest).subarray(bytesWritten)];
  }
}

/**
 * The plain bytes of a stored artifact. Throws `corrupt`, naming the file and what differs, where stored bytes, plain
 * bytes or either length are not what the entry says. The last chunk is held back until all of that is settled: whoever
 * is handed every byte has been handed the right ones.
 */
export async function* readArtifact(
  directory: string,
  entry: ArtifactEntry,
  codecOf: (name: CodecName) => Codec,
): Bytes {
  const stored = new Meter();
  const plain = entry.codec === "none" ? stored : new Meter();
  try {
    await assertRegular(directory, entry);
    let held: Uint8Array | undefined;
    const measured = stored.measure(readBlocks(join(directory, entry.file)));
    const decoded = plain === stored ? measured : plain.measure(codecOf(entry.codec).decode(measured));
    for await (const chunk of decoded) {
      if (plain.bytes > entry.plain.bytes) {
        throw new BackupError("corrupt", `holds more than the ${entry.plain.bytes} bytes it should`);
      }
      if (chunk.length === 0) continue;
      if (held !== undefined) yield held;
      held = chunk;
    }
    const storedDifference = differenceOf(entry.stored, stored.finish());
    const plainDifference = differenceOf(entry.plain, plain.finish());
    if (storedDifference !== undefined) throw new BackupError("corrupt", storedDifference);
    if (plainDifference !== undefined) throw new BackupError("corrupt", `${plainDifference} when decoded`);
    if (held !== undefined) yield held;
  } catch (error) {
    throw readError(error, directory, entry);
  }
}

/** Also of the right length, so that most damage shows before the first byte; and in no folder that is a link. */
export async function assertRegular(directory: string, entry: ArtifactEntry): Promise<void> {
  for (const folder of foldersOf(entry.file)) {
    if (!(await lstat(join(directory, folder))).isDirectory()) {
      throw new BackupError("corrupt", `lies in ${folder}, which is not a directory`);
    }
  }
  const found = await lstat(join(directory, entry.file));
  if (!found.isFile()) throw new BackupError("corrupt", "is not a regular file");
  if (found.size !== entry.stored.bytes) {
    throw new BackupError("corrupt", `has ${found.size} bytes instead of ${entry.stored.bytes}`);
  }
}

function readError(thrown: unknown, directory: string, entry: ArtifactEntry): BackupError {
  const missing = codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR";
  const error = missing ? new BackupError("corrupt", "is missing", { cause: thrown }) : toBackupError(thrown);
  if (error.reason !== "corrupt") return toBackupError(error, { operation: "store.read" });
  return new BackupError("corrupt", `${join(directory, entry.file)}: ${error.message}`, {
    operation: "store.read",
    hint: "do not restore from this backup; use another one (`sutazai-backup list`)",
    details: { ...error.details, artifact: entry.name, file: entry.file },
    cause: isBackupError(thrown) ? (thrown.cause ?? thrown) : thrown,
  });
}
