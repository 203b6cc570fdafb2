import type { Bytes } from "@sutazai/backup-core";
import { readTar, type TarEntry, type TarInput, type TarReadOptions, writeTar } from "../../src/index.ts";

export async function* streamOf(bytes: Uint8Array, chunkLength: number = 64 * 1024): Bytes {
  for (let start = 0; start < bytes.length; start += chunkLength) yield bytes.subarray(start, start + chunkLength);
}

export async function collect(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function archiveOf(...entries: readonly TarInput[]): Promise<Buffer> {
  return collect(writeTar(entries));
}

export type WholeEntry = Omit<TarEntry, "content"> & { readonly content: Buffer };

export async function readAll(
  archive: Uint8Array,
  options?: TarReadOptions & { readonly chunkLength?: number },
): Promise<WholeEntry[]> {
  const entries: WholeEntry[] = [];
  for await (const entry of readTar(streamOf(archive, options?.chunkLength), options)) {
    entries.push({ ...entry, content: await collect(entry.content) });
  }
  return entries;
}

/** A header block by hand, for archives that no honest tool writes. `fields` overwrite bytes before the checksum is made. */
export function rawHeader(name: string, fields: Readonly<Record<number, string | Uint8Array>> = {}): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, "latin1");
  block.write("0000644\x000000000\x000000000\x0000000000000\x0000000000000\0", 100, "latin1");
  block.write("0", 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  for (const [offset, value] of Object.entries(fields)) block.set(Buffer.from(value), Number(offset));
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Offsets for {@link rawHeader}. */
export const at = { size: 124, typeFlag: 156, linkName: 157, magic: 257, mtime: 136, uid: 108 } as const;

export const endMark: Buffer = Buffer.alloc(1024);

/** An extended header with this content, as it stands. */
export function rawExtension(typeFlag: string, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const size = `${bytes.length.toString(8).padStart(11, "0")}\0`;
  const header = rawHeader("PaxHeader", { [at.typeFlag]: typeFlag, [at.size]: size });
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** `<length> <key>=<value>\n`. */
export function rawRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}
