import { type TarHeader, tarTypeFlags } from "./entry.ts";

// The layout of a header block: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar interchange format),
// and for GNU's dialect: https://www.gnu.org/software/tar/manual/html_node/Standard.html
export const blockLength = 512;

const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [offset: number, length: number]>;

type Field = keyof typeof fields;

const posixMagic = "ustar\x0000";
const gnuMagic = "ustar  \0";

/** A header block as it stands; names are still bytes, since an extended header may replace them. */
export interface RawHeader {
  readonly name: Uint8Array;
  readonly linkName: Uint8Array;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Reads a header block; what is wrong with it comes back as a string. */
export function decodeHeader(block: Uint8Array): RawHeader | string {
  if (readNumber(block, "checksum") !== checksumOf(block)) return "the checksum of a header is wrong";
  const magic = Buffer.from(take(block, "magic")).toString("latin1");
  if (magic !== posixMagic && magic !== gnuMagic) return "a header is neither of POSIX nor of GNU format";

  const numbers = { mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
  for (const field of Object.keys(numbers) as (keyof typeof numbers)[]) {
    const number = readNumber(block, field);
    if (number === undefined || (number < 0 && field !== "mtime")) return `the ${field} of a header is not a number`;
    numbers[field] = number;
  }
  const prefix = magic === posixMagic ? untilZero(take(block, "prefix")) : new Uint8Array(0);
  const name = untilZero(take(block, "name"));
  return {
    ...numbers,
    mode: numbers.mode & 0o7777,
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    linkName: untilZero(take(block, "linkName")),
    typeFlag: String.fromCharCode(take(block, "typeFlag")[0]!),
  };
}

/** The blocks that stand before an entry's content: its header, behind an extended one where it does not fit. */
export function encodeHeader(header: TarHeader): Uint8Array {
  const name = header.type === "directory" ? `${header.name}/` : header.name;
  const linkName = header.linkName ?? "";
  const seconds = Math.floor(header.mtime.getTime() / 1000);
  const records: [key: string, value: string, fits: boolean][] = [
    ["path", name, fitsText(name)],
    ["linkpath", linkName, fitsText(linkName)],
    ["size", String(header.size), fitsNumber(header.size, "size")],
    ["uid", String(header.uid), fitsNumber(header.uid, "uid")],
    ["gid", String(header.gid), fitsNumber(header.gid, "gid")],
    ["mtime", String(seconds), fitsNumber(seconds, "mtime")],
  ];
  const extension = records.map(([key, value, fits]) => (fits ? "" : paxRecord(key, value))).join("");
  const block = encodeBlock({
    name,
    linkName,
    typeFlag: tarTypeFlags[header.type],
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    size: header.size,
    mtime: seconds,
  });
  if (extension === "") return block;
  const content = Buffer.from(extension);
  const extended = { name: "PaxHeader", linkName: "", mode: 0o644, uid: 0, gid: 0, size: content.length, mtime: 0 };
  return Buffer.concat([encodeBlock({ ...extended, typeFlag: "x" }), content, padding(content.length), block]);
}

/** The zeros that fill content of this length up to whole blocks. */
export function padding(length: number): Uint8Array {
  return new Uint8Array(paddingLength(length));
}

export function paddingLength(length: number): number {
  return (blockLength - (length % blockLength)) % blockLength;
}

function encodeBlock(header: Omit<RawHeader, "name" | "linkName"> & { name: string; linkName: string }): Buffer {
  const block = Buffer.alloc(blockLength);
  const put = (field: Field, text: string): void => {
    const [offset, length] = fields[field];
    block.write(text, offset, length, "latin1");
  };
  // What does not fit is in the extended header; a reader that knows none gets an approximation.
  const putNumber = (field: Field, value: number): void => {
    const digits = fields[field][1] - 1;
    put(field, (fitsNumber(value, field) ? value : 0).toString(8).padStart(digits, "0"));
  };
  put("name", header.name.replaceAll(/[^\x20-\x7e]/g, "_"));
  put("linkName", header.linkName.replaceAll(/[^\x20-\x7e]/g, "_"));
  put("typeFlag", header.typeFlag);
  put("magic", posixMagic);
  for (const field of ["mode", "uid", "gid", "size", "mtime"] as const) putNumber(field, header[field]);
  put("checksum", `${checksumOf(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

function fitsText(text: string): boolean {
  return text.length <= fields.name[1] && /^[\x20-\x7e]*$/.test(text);
}

function fitsNumber(value: number, field: Field): boolean {
  return value >= 0 && value < 8 ** (fields[field][1] - 1);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits too. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function take(block: Uint8Array, field: Field): Uint8Array {
  const [offset, length] = fields[field];
  return block.subarray(offset, offset + length);
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

/** Octal digits, or big-endian two's complement behind a set top bit (GNU); undefined for anything else, and beyond 2^53. */
function readNumber(block: Uint8Array, field: Field): number | undefined {
  const bytes = take(block, field);
  if ((bytes[0]! & 0x80) === 0) {
    const text = Buffer.from(bytes).toString("latin1");
    const digits = /^ *([0-7]*)[ \0]*$/.exec(text)?.[1];
    return digits === undefined ? undefined : digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  let value = (bytes[0]! & 0x7f) - ((bytes[0]! & 0x40) << 1);
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The sum of all bytes of a header, its own field counted as spaces. */
function checksumOf(block: Uint8Array): number {
  const [start, length] = fields.checksum;
  let sum = length * 0x20;
  for (let index = 0; index < blockLength; index++) {
    if (index < start || index >= start + length) sum += block[index]!;
  }
  return sum;
}
