import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { damaged } from "./damaged.ts";
import type { Extracted } from "./extract.ts";
import { headerLength, readHnswHeader, type HnswHeader } from "./hnsw-header.ts";

/** One element of a saved index. */
export interface HnswElement {
  readonly label: number;
  /** Marked as deleted: no query finds it. */
  readonly isDeleted: boolean;
  /** As it was given: an index for cosine keeps a direction and a length. */
  readonly vector: Float32Array;
}

const blockLength = 1024 * 1024;

/**
 * The elements of a saved index, one after the other. Throws `corrupt` where a file is missing, shorter than its header says, or holds what
 * does not follow from it.
 */
export async function* readHnsw(
  { directory, sizes }: Extracted,
  segment: string,
  isCosine: boolean,
): AsyncGenerator<HnswElement, void, undefined> {
  const sizeOf = (name: string): number => {
    const size = sizes.get(`${segment}/${name}`);
    if (size === undefined) throw damaged(`the vectors ${segment} lack ${name}`);
    return size;
  };
  const path = (name: string) => join(directory, segment, name);
  const header = await readHeader(path("header.bin"), sizeOf("header.bin"), segment);
  const { elements, elementLength } = header;
  const needed = elements * elementLength;
  if (sizeOf("data_level0.bin") < needed) {
    throw damaged(`the vectors ${segment} are torn: the header tells of ${elements} elements, the file ends before`);
  }
  if (sizeOf("length.bin") < elements * 4) throw damaged(`the lengths of the vectors ${segment} are torn`);
  await assertLinkLists(path("link_lists.bin"), sizeOf("link_lists.bin"), elements, segment);

  await using level0 = await opened(path("data_level0.bin"));
  await using lengths = await opened(path("length.bin"));
  const perBlock = Math.max(1, Math.floor(blockLength / elementLength));
  for (let first = 0; first < elements; first += perBlock) {
    const count = Math.min(perBlock, elements - first);
    const block = await exactly(level0.file, first * elementLength, count * elementLength);
    const scale = await exactly(lengths.file, first * 4, count * 4);
    for (let at = 0; at < count; at++) {
      yield elementAt(block, at * elementLength, header, isCosine ? scale.readFloatLE(at * 4) : 1);
    }
  }
}

function elementAt(block: Buffer, start: number, header: HnswHeader, length: number): HnswElement {
  const { vectorOffset, labelOffset } = header;
  const vector = new Float32Array((labelOffset - vectorOffset) / 4);
  for (let at = 0; at < vector.length; at++) {
    vector[at] = Math.fround(block.readFloatLE(start + vectorOffset + at * 4) * length);
  }
  return {
    label: Number(block.readBigUInt64LE(start + labelOffset)),
    // hnswlib: DELETE_MARK, in the third byte of the element's link list.
    isDeleted: ((block[start + 2] ?? 0) & 1) !== 0,
    vector,
  };
}

async function readHeader(path: string, size: number, segment: string): Promise<HnswHeader> {
  if (size !== headerLength) throw damaged(`the header of the vectors ${segment} has ${size} bytes`);
  await using handle = await opened(path);
  return readHnswHeader(await exactly(handle.file, 0, headerLength), segment);
}

/** For each element the length of its links on higher levels, and these: the file must end with the last. */
async function assertLinkLists(path: string, size: number, elements: number, segment: string): Promise<void> {
  await using handle = await opened(path);
  let [at, count] = [0, 0];
  let start = 0;
  let block: Buffer = Buffer.alloc(0);
  while (count < elements) {
    if (at + 4 > size) break;
    if (at < start || at + 4 > start + block.length) {
      start = at;
      block = await exactly(handle.file, start, Math.min(blockLength, size - start));
    }
    at += 4 + block.readUInt32LE(at - start);
    count += 1;
  }
  if (count === elements && at === size) return;
  throw damaged(
    `the links of the vectors ${segment} are torn: ${count} of ${elements} elements, ${at} of ${size} bytes`,
  );
}

interface Opened extends AsyncDisposable {
  readonly file: FileHandle;
}

async function opened(path: string): Promise<Opened> {
  const file = await open(path, "r");
  return { file, [Symbol.asyncDispose]: () => file.close() };
}

async function exactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let read = 0; read < length;) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) throw damaged("a file became shorter while it was read");
    read += bytesRead;
  }
  return bytes;
}
