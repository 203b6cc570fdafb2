import { BackupError, type Bytes } from "@sutazai/backup-core";
import { ByteReader } from "../byte-reader.ts";
import { type TarEntry, type TarEntryType, type TarHeader, tarTypeFlags } from "./entry.ts";
import { blockLength, decodeHeader, paddingLength, type RawHeader } from "./header.ts";
import { decodePax, decodeText, extendedHeaderLimit, type PaxRecords } from "./pax.ts";
import { normalizeName, tarPolicy } from "./policy.ts";

export interface TarReadOptions {
  /** Types of entries to take; anything else is refused. Files and directories unless given. */
  readonly types?: readonly TarEntryType[];
  /** Takes whatever a tar can hold, wherever it leads, and forgets the names: for an archive that is only walked through, and never unpacked. */
  readonly unchecked?: boolean;
}

const typeOfFlag: Readonly<Record<string, TarEntryType>> = {
  ...Object.fromEntries(Object.entries(tarTypeFlags).map(([type, flag]) => [flag, type as TarEntryType])),
  "\0": "file",
  // "Contiguous", which no system distinguishes.
  "7": "file",
};

/** Flags that GNU tar and others know and that cannot be read here, by the names to refuse them under. */
const unsupportedFlags: Readonly<Record<string, string>> = {
  D: "an incremental directory listing",
  M: "a part of a multi-volume archive",
  S: "a sparse file",
  V: "a volume label",
};

/**
 * Reads a tar (POSIX ustar and pax, GNU) entry by entry, with bounded memory. The archive is whole only when the iteration has
 * ended: it must have its end mark, with nothing but zeros behind it. Content left unread is skipped.
 *
 * Input is hostile. Throws `corrupt` with `details.offset`, the byte at which the entry (its extended header included) or the damage
 * begins, for damage, truncation, lying sizes, and whatever {@link tarPolicy} refuses (with its name as `details.refused`); `unsupported` for sparse files and other
 * things that a tar can hold and this reader cannot. Extended attributes and owner names are passed over.
 */
export async function* readTar(bytes: Bytes, options: TarReadOptions = {}): AsyncGenerator<TarEntry, void, undefined> {
  await using reader = new ByteReader(bytes);
  const complaintAbout =
    options.unchecked === true ? () => undefined : tarPolicy(options.types ?? ["file", "directory"]);
  const globals: { records: PaxRecords } = { records: {} };

  for (;;) {
    const start = reader.offset;
    const header = await readHeader(reader, globals);
    if (header === undefined) return await expectOnlyZeros(reader);

    const complaint = complaintAbout(header);
    if (complaint !== undefined) {
      throw damaged(start, `${JSON.stringify(header.name)} is refused: ${complaint}`, { refused: header.name });
    }
    if (header.size > 0 && header.type !== "file") {
      throw damaged(start, `${JSON.stringify(header.name)} is a ${header.type} and yet has content`);
    }
    const contentEnd = reader.offset + header.size;
    const entry = { isCurrent: true };
    yield { ...header, content: contentOf(reader, header, entry) };
    entry.isCurrent = false;
    await skipTo(reader, contentEnd, header);
  }
}

/** The next entry's header, or undefined at the end mark. */
async function readHeader(reader: ByteReader, globals: { records: PaxRecords }): Promise<TarHeader | undefined> {
  const start = reader.offset;
  const extended: { pax?: PaxRecords; L?: Uint8Array; K?: Uint8Array } = {};

  for (;;) {
    const offset = reader.offset;
    const block = await reader.exactly(blockLength);
    if (block.length < blockLength) throw truncated(reader.offset, "where a header or the end mark should be");
    if (block.every((byte) => byte === 0)) {
      if (offset !== start) throw damaged(offset, "an extended header belongs to no entry");
      return undefined;
    }
    const raw = decodeHeader(block);
    if (typeof raw === "string") throw damaged(offset, raw);

    switch (raw.typeFlag) {
      case "x":
      case "g": {
        const records = decodePax(await extension(reader, offset, raw));
        if (typeof records === "string") throw damaged(offset, records);
        if (raw.typeFlag === "g") globals.records = { ...globals.records, ...records };
        else if (extended.pax !== undefined) throw damaged(offset, "an entry has two extended headers");
        else extended.pax = records;
        break;
      }
      case "L":
      case "K": {
        if (extended[raw.typeFlag] !== undefined) throw damaged(offset, "an entry has two long names");
        const name = await extension(reader, offset, raw);
        extended[raw.typeFlag] = name.at(-1) === 0 ? name.subarray(0, -1) : name;
        break;
      }
      default:
        return toHeader(start, raw, { ...globals.records, ...extended.pax }, extended);
    }
  }
}

function toHeader(
  start: number,
  raw: RawHeader,
  pax: PaxRecords,
  long: { readonly L?: Uint8Array; readonly K?: Uint8Array },
): TarHeader {
  const path = pax.path ?? textOf(long.L ?? raw.name, start);
  if (path === "") throw damaged(start, "an entry has no name");
  const type = pax.isSparse === true ? undefined : typeOfFlag[raw.typeFlag];
  if (type === undefined) {
    const flag = pax.isSparse === true ? "S" : raw.typeFlag;
    throw unsupported(
      start,
      `${JSON.stringify(path)} is ${unsupportedFlags[flag] ?? `of type ${JSON.stringify(flag)}`}`,
    );
  }
  const mtime = new Date((pax.mtime ?? raw.mtime) * 1000);
  if (Number.isNaN(mtime.getTime())) throw damaged(start, `${JSON.stringify(path)} has an impossible time`);
  const isLink = type === "link" || type === "symlink";
  const target = pax.linkpath ?? textOf(long.K ?? raw.linkName, start);
  return {
    name: normalizeName(path),
    // Archives older than POSIX have no flag for directories.
    type: type === "file" && path.endsWith("/") ? "directory" : type,
    size: pax.size ?? raw.size,
    mode: raw.mode,
    uid: pax.uid ?? raw.uid,
    gid: pax.gid ?? raw.gid,
    mtime,
    ...(isLink && { linkName: type === "link" ? normalizeName(target) : target }),
  };
}

/** The content of a header that only extends the next one. */
async function extension(reader: ByteReader, offset: number, { size }: RawHeader): Promise<Uint8Array> {
  if (size > extendedHeaderLimit) throw damaged(offset, `an extended header claims ${size} bytes`);
  const content = await reader.exactly(size);
  const rest = await reader.exactly(paddingLength(size));
  if (content.length < size || rest.length < paddingLength(size))
    throw truncated(reader.offset, "in an extended header");
  return content;
}

async function* contentOf(reader: ByteReader, { name, size }: TarHeader, entry: { isCurrent: boolean }): Bytes {
  let missing = size;
  while (missing > 0) {
    if (!entry.isCurrent) throw new Error(`the content of ${name} was asked for after the entry had been passed`);
    const piece = await reader.some(missing);
    if (piece === undefined) throw truncated(reader.offset, `in the content of ${JSON.stringify(name)}`);
    missing -= piece.length;
    yield piece;
  }
}

/** Passes over what is left of an entry, and the padding behind it. */
async function skipTo(reader: ByteReader, contentEnd: number, { name, size }: TarHeader): Promise<void> {
  while (reader.offset < contentEnd) {
    const piece = await reader.some(contentEnd - reader.offset);
    if (piece === undefined) throw truncated(reader.offset, `in the content of ${JSON.stringify(name)}`);
  }
  const rest = await reader.exactly(paddingLength(size));
  if (rest.length < paddingLength(size))
    throw truncated(reader.offset, `behind the content of ${JSON.stringify(name)}`);
}

/** After the first zero block: a second one, and nothing but zeros from there on. */
async function expectOnlyZeros(reader: ByteReader): Promise<void> {
  const start = reader.offset;
  for (;;) {
    const offset = reader.offset;
    const piece = await reader.some(Number.POSITIVE_INFINITY);
    if (piece === undefined) break;
    const junk = piece.findIndex((byte) => byte !== 0);
    if (junk !== -1) throw damaged(offset + junk, "there is something behind the end mark");
  }
  if (reader.offset - start < blockLength) throw truncated(reader.offset, "in the end mark");
}

/** Names that are not UTF-8 could not be given back as they were. */
function textOf(bytes: Uint8Array, offset: number): string {
  const text = decodeText(bytes);
  if (text === undefined) throw unsupported(offset, `the name ${escaped(bytes)} is not UTF-8`);
  return text;
}

function escaped(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes.subarray(0, 200)).toString("latin1"));
}

function truncated(offset: number, where: string): BackupError {
  return damaged(offset, `it ends ${where}`);
}

function damaged(offset: number, problem: string, details: Readonly<Record<string, unknown>> = {}): BackupError {
  return new BackupError("corrupt", `the tar archive cannot be trusted, at byte ${offset}: ${problem}`, {
    operation: "tar.read",
    hint: "Use another backup; this archive is damaged, or was not made by this system.",
    details: { offset, ...details },
  });
}

function unsupported(offset: number, problem: string): BackupError {
  return new BackupError("unsupported", `the tar archive cannot be read, at byte ${offset}: ${problem}`, {
    operation: "tar.read",
    hint: "Unpack and pack it again with `tar --format=pax`, without sparse files and with names in UTF-8.",
    details: { offset },
  });
}
