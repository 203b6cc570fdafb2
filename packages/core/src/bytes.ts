/**
 * A stream of bytes: how artifacts move between every two parts of the system.
 *
 * Obligations of whoever produces one: it can be iterated once; a chunk belongs to the consumer as soon as it is
 * yielded and is never written to again; nothing is produced ahead of demand beyond a small bounded buffer; a
 * source that failed throws, it never just ends; and leaving the loop early (`return()`) releases everything behind it.
 * Node's `Readable` is one.
 */
export type Bytes = AsyncIterable<Uint8Array>;

/**
 * How a store encodes what it keeps (zstd, gzip, none). Stateless: every call makes an independent stream.
 * What is encoded must be readable by the format's own command-line tool.
 */
export interface Codec {
  /** Recorded in the manifest: what `decode` needs to be found again. */
  readonly name: CodecName;
  /** Appended to file names: `.zst`, `.gz` or nothing. */
  readonly suffix: string;
  /** Encodes to the end of `plain`; memory is bounded whatever the length. */
  encode(plain: Bytes): Bytes;
  /** Decodes; throws `BackupError` of reason `corrupt`, naming the byte offset, on damage, truncation or trailing junk. */
  decode(encoded: Bytes): Bytes;
}

export const codecNames = ["zstd", "gzip", "none"] as const;
export type CodecName = (typeof codecNames)[number];
