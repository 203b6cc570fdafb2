export { PassingDigest, sha256, writeOnce } from "./artifact.ts";
export { decodeGzip } from "./compressed/decode-gzip.ts";
export { decodeZstd } from "./compressed/decode-zstd.ts";
export { digestOf, MultisetDigest, RowHash } from "./digest.ts";
export { linesOf, type LineOptions } from "./lines.ts";
export type { TarEntry, TarEntryType, TarHeader, TarInput } from "./tar/entry.ts";
export { readTar, type TarReadOptions } from "./tar/read.ts";
export { writeTar } from "./tar/write.ts";
