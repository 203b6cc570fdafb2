import { code, Implausible, lengthAt, size, skip, take, vector, type Walk } from "./walk.ts";

// The layout of FAISS's own files: faiss/impl/index_write.cpp of versions 1.11 to 1.15,
// https://github.com/facebookresearch/faiss/blob/v1.11.0/faiss/impl/index_write.cpp

/** How far a part could be followed: to its end, or only to something whose layout is not known here. */
export type Extent = "whole" | "opaque";

/** What the header of an index says. */
export interface Header {
  readonly dimension: number;
  readonly vectors: number;
  readonly metric: number;
}

const reserved = 1n << 20n;

export function* floatHeader(): Walk<Header> {
  const view = yield* take(33);
  const dimension = view.getInt32(0, true);
  const isPlausible = view.getBigInt64(12, true) === reserved && view.getBigInt64(20, true) === reserved;
  if (!isPlausible || dimension < 0 || view.getUint8(28) > 1) throw new Implausible("no header of an index");
  const metric = view.getInt32(29, true);
  if (metric > 1) yield* skip(4);
  return { dimension, vectors: lengthAt(view, 4), metric };
}

export function* binaryHeader(): Walk<Header> {
  const view = yield* take(21);
  const dimension = view.getInt32(0, true);
  if (dimension < 0 || view.getInt32(4, true) * 8 !== dimension || view.getUint8(16) > 1) {
    throw new Implausible("no header of a binary index");
  }
  return { dimension, vectors: lengthAt(view, 8), metric: view.getInt32(17, true) };
}

export function* productQuantizer(): Walk<void> {
  yield* skip(24);
  yield* vector(4);
}

export function* scalarQuantizer(): Walk<void> {
  yield* skip(28);
  yield* vector(4);
}

export function* hnswGraph(): Walk<void> {
  for (const bytes of [8, 4, 4, 8, 4]) yield* vector(bytes);
  yield* skip(20);
}

const linearTransforms: Readonly<Record<string, () => Walk<void>>> = {
  LTra: () => skip(0),
  rrot: () => skip(0),
  // Until version 1.6 without the epsilon.
  PcAm: () => principalComponents(9),
  Pcam: () => principalComponents(13),
};

function* principalComponents(settingsBytes: number): Walk<void> {
  yield* skip(settingsBytes);
  for (let part = 0; part < 3; part++) yield* vector(4);
}

/** A transformation before an index. */
export function* vectorTransform(): Walk<Extent> {
  const name = yield* code();
  const linear = linearTransforms[name];
  if (linear !== undefined) {
    yield* linear();
    yield* skip(1);
    yield* vector(4);
    yield* vector(4);
  } else if (name === "RmDT") yield* vector(4);
  else if (name === "VNrm") yield* skip(4);
  else if (name === "VCnt") yield* vector(4);
  else return "opaque";
  yield* skip(9);
  return "whole";
}

export function* directMap(): Walk<void> {
  const type = (yield* take(1)).getUint8(0);
  yield* vector(8);
  if (type === 2) yield* vector(16);
}

export function* invertedLists(): Walk<Extent> {
  const name = yield* code();
  if (name === "il00") return "whole";
  if (name !== "ilar") return "opaque";
  yield* size();
  const codeBytes = yield* size();
  const layout = yield* code();
  if (layout !== "full" && layout !== "sprs") throw new Implausible(`inverted lists of kind ${JSON.stringify(layout)}`);
  const isSparse = layout === "sprs";
  const numbers = yield* size();
  let entries = 0;
  for (let at = 0; at < numbers; at += 1) {
    const number = lengthAt(yield* take(8), 0);
    if (!isSparse || at % 2 === 1) entries += number;
  }
  yield* skip(entries * (codeBytes + 8));
  return "whole";
}
