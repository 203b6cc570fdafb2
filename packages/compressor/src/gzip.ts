import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Bytes } from "@sutazai/backup-core";
import { compressBlocks, outputBound } from "./blocks.ts";

const compressMember = promisify(gzip);

/** Far more than the 32 KiB that gzip looks back, so that cutting costs nothing. */
const blockLength = 1024 * 1024;

export function encodeGzip(plain: Bytes, level: number, threads: number): Bytes {
  return compressBlocks(plain, {
    blockLength,
    threads,
    compress: (block) => compressMember(block, { level, chunkSize: outputBound(block.length) }),
  });
}
