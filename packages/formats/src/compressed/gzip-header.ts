import { crc32 } from "node:zlib";

// RFC 1952: https://www.rfc-editor.org/rfc/rfc1952.html#section-2.3
const magic = [0x1f, 0x8b] as const;
const deflate = 8;
const flags = { headerCrc: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const;
const fixedLength = 10;

/** The longest header taken: an extra field of 64 KiB and names of any sensible length. */
export const headerLimit: number = 128 * 1024;

export const trailerLength = 8;

/** The length of the member header that `bytes` begin with; undefined where it is not whole yet; throws a `RangeError` where it is none. */
export function gzipHeaderLength(bytes: Uint8Array): number | undefined {
  if (magic.some((byte, index) => index < bytes.length && bytes[index] !== byte)) {
    throw new RangeError("what begins here is no gzip member");
  }
  if (bytes.length < fixedLength) return undefined;
  if (bytes[2] !== deflate) throw new RangeError("a member is of no known compression method");
  const flag = bytes[3]!;
  if ((flag & flags.reserved) !== 0) throw new RangeError("a member's header has unknown flags");

  let length = fixedLength;
  if ((flag & flags.extra) !== 0) {
    if (bytes.length < length + 2) return undefined;
    length += 2 + (bytes[length]! | (bytes[length + 1]! << 8));
  }
  for (const text of [flags.name, flags.comment]) {
    if ((flag & text) === 0) continue;
    const end = bytes.indexOf(0, length);
    if (end === -1) return undefined;
    length = end + 1;
  }
  if ((flag & flags.headerCrc) !== 0) {
    if (bytes.length < length + 2) return undefined;
    const expected = bytes[length]! | (bytes[length + 1]! << 8);
    if ((crc32(bytes.subarray(0, length)) & 0xffff) !== expected) throw new RangeError("a member's header is damaged");
    length += 2;
  }
  return bytes.length < length ? undefined : length;
}
