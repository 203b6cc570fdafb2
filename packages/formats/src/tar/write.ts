import { BackupError, type Bytes } from "@sutazai/backup-core";
import { type TarEntryType, type TarHeader, type TarInput, tarTypeFlags } from "./entry.ts";
import { blockLength, encodeHeader, padding } from "./header.ts";
import { normalizeName, tarPolicy } from "./policy.ts";

const endMark = new Uint8Array(2 * blockLength);

/**
 * Writes a tar that every tar reads: POSIX ustar, with extended headers (pax) only where an entry needs them. Entries are
 * asked for one by one, and their content as it is written.
 *
 * Throws `unsupported` for what {@link tarPolicy} would refuse when the archive is read, and `mismatch` where a content is not as long as
 * its entry says.
 */
export async function* writeTar(entries: Iterable<TarInput> | AsyncIterable<TarInput>): Bytes {
  const complaintAbout = tarPolicy(Object.keys(tarTypeFlags) as TarEntryType[]);
  for await (const entry of entries) {
    const header = completed(entry);
    const complaint = complaintAbout(header) ?? complaintAboutContent(entry, header);
    if (complaint !== undefined) {
      throw new BackupError("unsupported", `cannot write ${JSON.stringify(entry.name)} into a tar: ${complaint}`, {
        operation: "tar.write",
        hint: "Leave the entry out, or give it a name and a type that can be unpacked anywhere.",
      });
    }
    yield encodeHeader(header);
    yield* checkedContent(entry, header);
    const rest = padding(header.size);
    if (rest.length > 0) yield rest;
  }
  yield endMark.slice();
}

function completed(entry: TarInput): TarHeader {
  const type = entry.type ?? "file";
  const { linkName, content } = entry;
  return {
    name: normalizeName(entry.name),
    type,
    size: entry.size ?? (content instanceof Uint8Array ? content.length : 0),
    mode: entry.mode ?? (type === "directory" ? 0o755 : 0o644),
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtime: entry.mtime ?? new Date(0),
    ...(linkName !== undefined && { linkName: type === "link" ? normalizeName(linkName) : linkName }),
  };
}

function complaintAboutContent(entry: TarInput, { type, size, mode, uid, gid, mtime }: TarHeader): string | undefined {
  if (type !== "file" && size > 0) return `a ${type} has no content`;
  if (
    type === "file" &&
    entry.size === undefined &&
    !(entry.content instanceof Uint8Array) &&
    entry.content !== undefined
  ) {
    return "the size of a streamed content must be given";
  }
  if (![size, mode, uid, gid].every((number) => Number.isSafeInteger(number) && number >= 0) || mode > 0o7777) {
    return "a number is out of range";
  }
  return Number.isNaN(mtime.getTime()) ? "its time is none" : undefined;
}

async function* checkedContent({ content = new Uint8Array(0) }: TarInput, { name, type, size }: TarHeader): Bytes {
  if (type !== "file") return;
  let length = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    length += chunk.length;
    if (length > size) break;
    yield chunk;
  }
  if (length !== size) {
    throw new BackupError(
      "mismatch",
      `the content of ${JSON.stringify(name)} is not the ${size} bytes that were announced, but ${length > size ? "more" : length}`,
      { operation: "tar.write", hint: "Something writes to it meanwhile; capture it while it stands still." },
    );
  }
}
