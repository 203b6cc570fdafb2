// GNU's dialect of tar, as the server writes it: https://www.gnu.org/software/tar/manual/html_node/Standard.html
export const blockLength = 512;

/** One block of a tar, read as the header of a member. */
export interface Header {
  readonly name: string;
  readonly type: string;
  /** Bytes that follow, which are fewer than the file has where it is sparse. */
  readonly size: number;
  /** Of a sparse file: the map goes on in the next block. */
  readonly isExtended: boolean;
  /** Of a sparse file: how many of its bytes follow. */
  readonly mapped: number;
}

const sparseMap = { offset: 386, entries: 4, extended: 482 };
const sparseExtension = { offset: 0, entries: 21, extended: 504 };

export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** What is wrong with it comes back as a string. */
export function decodeHeader(block: Buffer): Header | string {
  if (number(block, 148, 8) !== checksumOf(block)) return "the checksum of a header is wrong";
  if (block.toString("latin1", 257, 265) !== "ustar  \0") return "a header is not of the format that Qdrant writes";
  const size = number(block, 124, 12);
  if (size === undefined) return "the size in a header is not a number";
  const type = String.fromCharCode(block[156]!);
  const map = type === "S" ? sparseLengths(block, sparseMap) : { mapped: 0, isExtended: false };
  if (map === undefined) return "the map of a sparse file is not made of numbers";
  return { name: text(block, 0, 100), type: type === "\0" ? "0" : type, size, ...map };
}

/** A further block of a sparse file's map. */
export function decodeSparseExtension(block: Buffer): Pick<Header, "mapped" | "isExtended"> | string {
  return sparseLengths(block, sparseExtension) ?? "the map of a sparse file is not made of numbers";
}

function sparseLengths(
  block: Buffer,
  { offset, entries, extended }: typeof sparseMap,
): Pick<Header, "mapped" | "isExtended"> | undefined {
  let mapped = 0;
  for (let entry = 0; entry < entries; entry++) {
    const length = number(block, offset + 24 * entry + 12, 12);
    if (length === undefined || number(block, offset + 24 * entry, 12) === undefined) return undefined;
    mapped += length;
  }
  return { mapped, isExtended: block[extended] !== 0 };
}

/** Octal digits, or big-endian behind a set top bit. */
function number(block: Buffer, offset: number, length: number): number | undefined {
  const bytes = block.subarray(offset, offset + length);
  if ((bytes[0]! & 0x80) === 0) {
    const digits = /^ *([0-7]*)[ \0]*$/.exec(bytes.toString("latin1"))?.[1];
    return digits === undefined ? undefined : Number.parseInt(`0${digits}`, 8);
  }
  let value = bytes[0]! & 0x7f;
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

function text(block: Buffer, offset: number, length: number): string {
  const bytes = block.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? length : end);
}

function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockLength; at++) if (at < 148 || at >= 156) sum += block[at]!;
  return sum;
}
