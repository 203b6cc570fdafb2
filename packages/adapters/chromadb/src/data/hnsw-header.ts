import { damaged } from "./damaged.ts";

/** What the header of a saved HNSW index says (hnswlib as Chroma has changed it). Lengths and places in bytes. */
export interface HnswHeader {
  readonly maxElements: number;
  /** How many elements there are, those marked as deleted among them. */
  readonly elements: number;
  readonly elementLength: number;
  readonly labelOffset: number;
  readonly vectorOffset: number;
}

export const headerLength = 100;
const knownVersion = 1;

/** Reads `header.bin`. Throws `corrupt` where it contradicts itself. */
export function readHnswHeader(bytes: Buffer, segment: string): HnswHeader {
  if (bytes.length !== headerLength) throw damaged(`the header of the vectors ${segment} has ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(0);
  if (version !== knownVersion)
    throw damaged(`the vectors ${segment} are saved in format ${version}, which is not known`);
  const number = (offset: number) => Number(bytes.readBigUInt64LE(offset));
  const header = {
    maxElements: number(12),
    elements: number(20),
    elementLength: number(28),
    labelOffset: number(36),
    vectorOffset: number(44),
  };
  const { maxElements, elements, elementLength, labelOffset, vectorOffset } = header;
  const fits =
    elements <= maxElements &&
    vectorOffset >= 4 &&
    labelOffset >= vectorOffset &&
    (labelOffset - vectorOffset) % 4 === 0 &&
    elementLength === labelOffset + 8 &&
    elementLength <= 16 * 1024 * 1024;
  if (!fits) throw damaged(`the header of the vectors ${segment} contradicts itself`);
  return header;
}
