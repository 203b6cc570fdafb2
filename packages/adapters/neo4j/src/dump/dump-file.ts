import { BackupError, isBackupError, type Bytes } from "@sutazai/backup-core";
import { decodeZstd, readTar } from "@sutazai/backup-formats";

// What `neo4j-admin database dump` writes: the magic, then one zstd frame with a checksum; in it a header (the codec's name, a version, how many files and
// bytes follow, big endian) and a pax tar of the store and its transaction logs.
const magic = "DZV1";
const codecName = "zstd";
const headerLength = 24;
const supportedVersion = 1;

/** What a dump holds, counted. */
export interface DumpFacts {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Reads a dump to its end without loading it: frame, checksum, header and every entry of the archive. Throws `corrupt` for anything that does not fit, cut off or
 * behind its end. Neo4j's own `load --info` reads the header only. Memory is bounded whatever the input.
 */
export async function readDump(bytes: Bytes, signal?: AbortSignal): Promise<DumpFacts> {
  try {
    return await readWhole(bytes, signal);
  } catch (error) {
    if (!isBackupError(error) || (error.reason !== "unsupported" && error.reason !== "corrupt")) throw error;
    throw new BackupError("corrupt", `this is no whole dump: ${error.message}`, {
      operation: "neo4j.dump",
      hint: "use another backup (`sutazai-backup list`)",
      details: error.details,
      cause: error,
    });
  }
}

async function readWhole(bytes: Bytes, signal: AbortSignal | undefined): Promise<DumpFacts> {
  let header: Buffer | undefined;
  const frame = afterHead(bytes, magic.length, (head) => {
    if (head.toString("latin1") !== magic)
      throw damaged(`it begins with ${JSON.stringify(head.toString("latin1"))}`, 0);
  });
  const tar = afterHead(decodeZstd(frame), headerLength, (head) => (header = head));
  let files = 0;
  let size = 0;
  for await (const entry of readTar(tar)) {
    signal?.throwIfAborted();
    if (entry.type !== "file") continue;
    files += 1;
    size += entry.size;
  }
  const said = headerOf(header);
  if (said.files !== files || said.bytes !== size) {
    throw damaged(
      `its header tells of ${said.files} files with ${said.bytes} bytes, it holds ${files} with ${size}`,
      0,
    );
  }
  return said;
}

function headerOf(header: Buffer | undefined): DumpFacts {
  if (header === undefined || header.toString("latin1", 0, 4) !== codecName)
    throw damaged("it has no header", magic.length);
  const version = header.readInt32BE(4);
  if (version !== supportedVersion) throw damaged(`it is of version ${version}, not ${supportedVersion}`, magic.length);
  return { files: Number(header.readBigInt64BE(8)), bytes: Number(header.readBigInt64BE(16)) };
}

/** What follows the first `length` bytes, which `take` gets; throws where there are not as many. */
async function* afterHead(bytes: Bytes, length: number, take: (head: Buffer) => void): Bytes {
  let head: Uint8Array = new Uint8Array(0);
  let isTaken = false;
  for await (const chunk of bytes) {
    if (isTaken) {
      yield chunk;
      continue;
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (head.length < length) continue;
    isTaken = true;
    take(Buffer.from(head.subarray(0, length)));
    if (head.length > length) yield head.subarray(length);
  }
  if (!isTaken) throw damaged(`it ends after ${head.length} bytes`, head.length);
}

function damaged(message: string, offset: number): BackupError {
  return new BackupError("corrupt", message, { operation: "neo4j.dump", details: { offset } });
}
