/** The records of an extended header that say something about an entry; those of no concern here are left out. */
export interface PaxRecords {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly isSparse?: boolean;
}

/** What an extended header may hold; extended attributes are the largest thing in practice (64 KiB each). */
export const extendedHeaderLimit: number = 1024 * 1024;

const space = 0x20;
const newline = 0x0a;
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, or undefined where they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return text.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads the content of an extended header (`<length> <key>=<value>\n` …); what is wrong with it comes back as a string. */
export function decodePax(content: Uint8Array): PaxRecords | string {
  const records: Record<string, string | number | boolean> = {};
  for (let start = 0; start < content.length;) {
    const digitsEnd = content.indexOf(space, start);
    const digits = digitsEnd === -1 ? "" : Buffer.from(content.subarray(start, digitsEnd)).toString("latin1");
    const end = start + Number(/^[1-9]\d{0,7}$/.exec(digits)?.[0] ?? Number.NaN);
    if (!(end > digitsEnd && end <= content.length) || content[end - 1] !== newline) {
      return "an extended header is malformed";
    }
    const record = content.subarray(digitsEnd + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) return "an extended header has a record without a key";
    const key = Buffer.from(record.subarray(0, equals)).toString("latin1");
    if (key.startsWith("GNU.sparse.")) records["isSparse"] = true;
    if (isTextKey(key) || isNumberKey(key)) {
      const value = decodeText(record.subarray(equals + 1));
      if (value === undefined) return `the ${key} of an extended header is not UTF-8`;
      const meaning = isTextKey(key) ? value : decodeNumber(key, value);
      if (meaning === undefined) return `the ${key} of an extended header is not a number`;
      records[key] = meaning;
    }
    start = end;
  }
  return records;
}

function isTextKey(key: string): boolean {
  return key === "path" || key === "linkpath";
}

function isNumberKey(key: string): boolean {
  return key === "size" || key === "uid" || key === "gid" || key === "mtime";
}

function decodeNumber(key: string, value: string): number | undefined {
  const pattern = key === "mtime" ? /^-?\d{1,15}(\.\d*)?$/ : /^\d{1,16}$/;
  const number = pattern.test(value) ? Number(value) : Number.NaN;
  return key === "mtime"
    ? Number.isNaN(number)
      ? undefined
      : number
    : Number.isSafeInteger(number)
      ? number
      : undefined;
}
