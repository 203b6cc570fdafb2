import { availableParallelism } from "node:os";
import { BackupError, type Bytes, type Codec, type CodecName } from "@sutazai/backup-core";
import { decodeGzip, decodeZstd } from "@sutazai/backup-formats";
import { encodeGzip } from "./gzip.ts";
import { encodeZstd } from "./zstd.ts";

export interface CodecOptions {
  readonly name: CodecName;
  /** How hard to try: zstd 1 to 22 (3 unless given), gzip 1 to 9 (6 unless given). `none` has none. */
  readonly level?: number;
  /** Blocks compressed at once; as many as there are cores unless given, but no more than Node's thread pool has threads (`UV_THREADPOOL_SIZE`, 4 by default). */
  readonly threads?: number;
}

interface Format {
  readonly suffix: string;
  readonly levels?: { readonly lowest: number; readonly highest: number; readonly default: number };
  encode(plain: Bytes, level: number, threads: number): Bytes;
  decode(encoded: Bytes): Bytes;
}

const formats: Readonly<Record<CodecName, Format>> = {
  zstd: { suffix: ".zst", levels: { lowest: 1, highest: 22, default: 3 }, encode: encodeZstd, decode: decodeZstd },
  gzip: { suffix: ".gz", levels: { lowest: 1, highest: 9, default: 6 }, encode: encodeGzip, decode: decodeGzip },
  none: { suffix: "", encode: (plain) => plain, decode: (encoded) => encoded },
};

/**
 * Makes a codec. Encoding is block-parallel; what it makes is plain zstd or gzip, which `zstd -d` and `gunzip` read, as it reads theirs.
 * Throws `configuration` for a level or a number of threads that there is not.
 *
 * Decoding streams: what it gives is proven only when the iteration has ended. A stream cut exactly between two frames or members is
 * a shorter valid stream, and `none` has no way to see damage; the digests of the manifest show both.
 */
export function createCodec({ name, level, threads = defaultThreads() }: CodecOptions): Codec {
  const format = formats[name];
  const { suffix, levels } = format;
  if (
    level !== undefined &&
    !(Number.isInteger(level) && levels !== undefined && level >= levels.lowest && level <= levels.highest)
  ) {
    throw new BackupError("configuration", `${name} has no level ${level}`, {
      hint:
        levels === undefined ? "Leave the level out." : `Choose a level from ${levels.lowest} to ${levels.highest}.`,
    });
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new BackupError("configuration", `cannot compress with ${threads} threads`, { hint: "Choose 1 or more." });
  }
  return {
    name,
    suffix,
    encode: (plain) => format.encode(plain, level ?? levels?.default ?? 0, threads),
    decode: (encoded) => format.decode(encoded),
  };
}

/** Every codec with its default settings: what decodes a stored artifact, found by the name in its manifest. */
export const codecs: Readonly<Record<CodecName, Codec>> = {
  zstd: createCodec({ name: "zstd" }),
  gzip: createCodec({ name: "gzip" }),
  none: createCodec({ name: "none" }),
};

function defaultThreads(): number {
  const poolSize = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return Math.max(1, Math.min(availableParallelism(), Number.isInteger(poolSize) ? poolSize : 4));
}
