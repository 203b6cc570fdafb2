/** What a walk asks for: some bytes to look at (64 at most), or any number to pass over. */
export type Step = { readonly take: number } | { readonly skip: number };

/** A reading of one part of a file, in order; what it took comes back as a view. */
export type Walk<Result> = Generator<Step, Result, DataView>;

/** Thrown within a walk: these bytes are not what they claim to be. */
export class Implausible extends Error {}

export function* take(length: number): Walk<DataView> {
  return yield { take: length };
}

export function* skip(length: number): Walk<void> {
  if (length > 0) yield { skip: length };
}

/** An unsigned 64-bit length; what no file can have is implausible. */
export function* size(): Walk<number> {
  return lengthAt(yield* take(8), 0);
}

export function lengthAt(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > 1n << 50n) throw new Implausible(`a length of ${value}`);
  return Number(value);
}

export function* int(): Walk<number> {
  return (yield* take(4)).getInt32(0, true);
}

/** A four-letter code, as every object begins. */
export function* code(): Walk<string> {
  const view = yield* take(4);
  return String.fromCharCode(...[0, 1, 2, 3].map((at) => view.getUint8(at)));
}

/** A vector: its length, then so many elements. */
export function* vector(elementBytes: number): Walk<number> {
  const length = yield* size();
  if (length > 2 ** 50 / elementBytes) throw new Implausible(`a vector of ${length} elements`);
  yield* skip(length * elementBytes);
  return length;
}
