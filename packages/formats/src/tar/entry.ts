import type { Bytes } from "@sutazai/backup-core";

/** The kinds of entry a tar can hold, by the type flag of their header. */
export const tarTypeFlags = {
  file: "0",
  link: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
} as const;

export type TarEntryType = keyof typeof tarTypeFlags;

/** What a tar says of an entry. */
export interface TarHeader {
  /** Relative, segments joined by `/`, no `.` or `..` among them, no `/` at the end; `.` is the root itself. */
  readonly name: string;
  readonly type: TarEntryType;
  /** Bytes of content; 0 for anything but a file. */
  readonly size: number;
  /** Permission bits, with set-user-id, set-group-id and sticky: 0o7777 at most. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Date;
  /** What a `symlink` points to, as written, or the name of the entry that a `link` is another name of. */
  readonly linkName?: string;
}

export interface TarEntry extends TarHeader {
  /** Exactly `size` bytes; to be read before the next entry is asked for, or not at all. */
  readonly content: Bytes;
}

/** An entry to be written. Every {@link TarEntry} is one. */
export interface TarInput {
  readonly name: string;
  /** `file` unless given. */
  readonly type?: TarEntryType;
  /** Bytes of content; may be left out where `content` is not a stream. */
  readonly size?: number;
  /** 0o755 for directories and 0o644 for the rest unless given. */
  readonly mode?: number;
  /** 0 unless given. */
  readonly uid?: number;
  /** 0 unless given. */
  readonly gid?: number;
  /** Kept to the second; 1970 unless given, so that equal entries make equal archives. */
  readonly mtime?: Date;
  readonly linkName?: string;
  readonly content?: Bytes | Uint8Array;
}
