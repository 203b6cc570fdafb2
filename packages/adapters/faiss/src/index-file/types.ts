import {
  binaryHeader,
  directMap,
  floatHeader,
  hnswGraph,
  invertedLists,
  productQuantizer,
  scalarQuantizer,
  vectorTransform,
  type Extent,
  type Header,
} from "./parts.ts";
import { code, Implausible, int, skip, vector, type Walk } from "./walk.ts";

interface IndexType {
  readonly name: string;
  readonly header: () => Walk<Header>;
  /** Follows what comes behind the header. `depth`: so many indexes this one is within. */
  readonly body: (depth: number) => Walk<Extent>;
}

function* opaque(): Walk<Extent> {
  yield* skip(0);
  return "opaque";
}

function* vectorsOf(bytes: number): Walk<Extent> {
  yield* vector(bytes);
  return "whole";
}

function* lsh(): Walk<Extent> {
  yield* skip(6);
  yield* vector(4);
  yield* skip(4);
  if ((yield* vectorTransform()) === "opaque") return "opaque";
  return yield* vectorsOf(1);
}

function* productQuantized(): Walk<Extent> {
  yield* productQuantizer();
  yield* vector(1);
  yield* skip(9);
  return "whole";
}

function* scalarQuantized(): Walk<Extent> {
  yield* scalarQuantizer();
  return yield* vectorsOf(1);
}

function* mapped(depth: number): Walk<Extent> {
  if ((yield* nested(depth)) === "opaque") return "opaque";
  return yield* vectorsOf(8);
}

function* transformed(depth: number): Walk<Extent> {
  const transforms = yield* int();
  for (let at = 0; at < transforms; at += 1) {
    if ((yield* vectorTransform()) === "opaque") return "opaque";
  }
  return yield* nested(depth);
}

function* refined(depth: number): Walk<Extent> {
  if ((yield* nested(depth)) === "opaque" || (yield* nested(depth)) === "opaque") return "opaque";
  yield* skip(4);
  return "whole";
}

function* hnsw(depth: number): Walk<Extent> {
  yield* hnswGraph();
  return yield* nested(depth);
}

/** What every index with inverted lists begins with. */
function* coarse(depth: number): Walk<Extent> {
  yield* skip(16);
  if ((yield* nested(depth)) === "opaque") return "opaque";
  yield* directMap();
  return "whole";
}

/** An index with inverted lists, and what it has between its quantizer and the lists. */
function inverted(between: () => Walk<void>): IndexType["body"] {
  return function* (depth) {
    if ((yield* coarse(depth)) === "opaque") return "opaque";
    yield* between();
    return yield* invertedLists();
  };
}

const float = (name: string, body: IndexType["body"] = opaque): IndexType => ({ name, header: floatHeader, body });
const binary = (name: string, body: IndexType["body"] = opaque): IndexType => ({ name, header: binaryHeader, body });

/** Every code that FAISS writes at the beginning of a file. Those without a body are known by their header alone. */
export const indexTypes: ReadonlyMap<string, IndexType> = new Map<string, IndexType>([
  ["IxFI", float("Flat", () => vectorsOf(4))],
  ["IxF2", float("Flat", () => vectorsOf(4))],
  ["IxFl", float("Flat", () => vectorsOf(4))],
  ["IxHe", float("LSH", lsh)],
  ["IxPq", float("PQ", productQuantized)],
  ["IxSQ", float("ScalarQuantizer", scalarQuantized)],
  ["IxMp", float("IDMap", mapped)],
  ["IxM2", float("IDMap2", mapped)],
  ["IxPT", float("PreTransform", transformed)],
  ["IxRF", float("Refine", refined)],
  ["IHNf", float("HNSWFlat", hnsw)],
  ["IHNp", float("HNSWPQ", hnsw)],
  ["IHNs", float("HNSWSQ", hnsw)],
  ["IHN2", float("HNSW2Level", hnsw)],
  ["IHNc", float("HNSWFlatCagra")],
  ["INSf", float("NSGFlat")],
  ["INSp", float("NSGPQ")],
  ["INSs", float("NSGSQ")],
  ["INNf", float("NNDescentFlat")],
  [
    "IwFl",
    float(
      "IVFFlat",
      inverted(() => skip(0)),
    ),
  ],
  ["IwFd", float("IVFFlatDedup")],
  [
    "IwSq",
    float(
      "IVFScalarQuantizer",
      inverted(function* () {
        yield* scalarQuantizer();
        yield* skip(9);
      }),
    ),
  ],
  [
    "IwPQ",
    float(
      "IVFPQ",
      inverted(function* () {
        yield* skip(9);
        yield* productQuantizer();
      }),
    ),
  ],
  ["IwQR", float("IVFPQR")],
  ["IwPf", float("IVFPQFastScan")],
  ["IPfs", float("PQFastScan")],
  ["IwSh", float("IVFSpectralHash")],
  ["IxRq", float("ResidualQuantizer")],
  ["IxLS", float("LocalSearchQuantizer")],
  ["IxPR", float("ProductResidualQuantizer")],
  ["IxPL", float("ProductLocalSearchQuantizer")],
  ["IwRQ", float("IVFResidualQuantizer")],
  ["IwLS", float("IVFLocalSearchQuantizer")],
  ["Ixrq", float("RaBitQ")],
  ["Iwrq", float("IVFRaBitQ")],
  ["IBxF", binary("BinaryFlat", () => vectorsOf(1))],
  ["IBwF", binary("BinaryIVF")],
  ["IBHf", binary("BinaryHNSW")],
  ["IBHh", binary("BinaryHash")],
  ["IBMp", binary("BinaryIDMap")],
  ["IBM2", binary("BinaryIDMap2")],
]);

const deepest = 8;

/** An index within another one. */
function* nested(depth: number): Walk<Extent> {
  if (depth >= deepest) throw new Implausible("indexes within indexes without an end");
  const name = yield* code();
  if (name === "null") return "whole";
  const type = indexTypes.get(name);
  if (type === undefined) return "opaque";
  yield* type.header();
  return yield* type.body(depth + 1);
}
