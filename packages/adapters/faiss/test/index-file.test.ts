import { describe, expect, test } from "vitest";
import { IndexFile } from "../src/index-file/index-file.ts";

const int = (value: number) => Buffer.from(Int32Array.of(value).buffer);
const long = (value: number | bigint) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer);
const list = (count: number, bytes: number) => Buffer.concat([long(count), Buffer.alloc(count * bytes, 7)]);
const text = (value: string) => Buffer.from(value, "latin1");

/** As FAISS writes it. */
function header(code: string, { d = 4, n = 3, metric = 1 } = {}): Buffer {
  const argument = metric > 1 ? [int(0)] : [];
  return Buffer.concat([
    text(code),
    int(d),
    long(n),
    long(1 << 20),
    long(1 << 20),
    Buffer.of(1),
    int(metric),
    ...argument,
  ]);
}
const binaryHeader = (code: string) => Buffer.concat([text(code), int(16), int(2), long(3), Buffer.of(1), int(0)]);

const flat = Buffer.concat([header("IxF2"), list(12, 4)]);
const quantizer = Buffer.concat([int(0), int(0), int(0), long(4), long(4), list(8, 4)]);
const product = Buffer.concat([long(4), long(2), long(4), list(64, 4)]);
const graph = Buffer.concat([...[8, 4, 4, 8, 4].map((bytes) => list(5, bytes)), Buffer.alloc(20)]);
const lists = (codeBytes: number) =>
  Buffer.concat([
    text("ilar"),
    long(2),
    long(codeBytes),
    text("full"),
    long(2),
    long(1),
    long(2),
    Buffer.alloc(3 * (codeBytes + 8)),
  ]);
const coarse = (code: string) => Buffer.concat([header(code), long(2), long(1), flat, Buffer.of(0), list(0, 8)]);
const transform = (code: string, own: Buffer) => Buffer.concat([text(code), own, Buffer.alloc(9)]);
const rotation = transform("rrot", Buffer.concat([Buffer.of(0), list(16, 4), list(0, 4)]));

const whole: readonly (readonly [type: string, file: Buffer])[] = [
  ["Flat (IxF2)", flat],
  ["Flat (IxFI)", Buffer.concat([header("IxFI", { metric: 0 }), list(12, 4)])],
  ["Flat (IxFl)", Buffer.concat([header("IxFl", { metric: 4 }), list(12, 4)])],
  ["LSH (IxHe)", Buffer.concat([header("IxHe"), int(8), Buffer.of(1, 0), list(0, 4), int(1), rotation, list(3, 1)])],
  ["PQ (IxPq)", Buffer.concat([header("IxPq"), product, list(3, 1), Buffer.alloc(9)])],
  ["ScalarQuantizer (IxSQ)", Buffer.concat([header("IxSQ"), quantizer, list(12, 1)])],
  ["IDMap (IxMp)", Buffer.concat([header("IxMp"), flat, list(3, 8)])],
  ["IDMap2 (IxM2)", Buffer.concat([header("IxM2"), flat, list(3, 8)])],
  ["PreTransform (IxPT)", Buffer.concat([header("IxPT"), int(2), rotation, transform("VNrm", Buffer.alloc(4)), flat])],
  ["Refine (IxRF)", Buffer.concat([header("IxRF"), flat, flat, Buffer.alloc(4)])],
  ["HNSWFlat (IHNf)", Buffer.concat([header("IHNf"), graph, flat])],
  ["HNSWFlat (IHNf)", Buffer.concat([header("IHNf"), graph, text("null")])],
  ["IVFFlat (IwFl)", Buffer.concat([coarse("IwFl"), lists(16)])],
  ["IVFScalarQuantizer (IwSq)", Buffer.concat([coarse("IwSq"), quantizer, Buffer.alloc(9), lists(4)])],
  ["IVFPQ (IwPQ)", Buffer.concat([coarse("IwPQ"), Buffer.alloc(9), product, lists(1)])],
  ["BinaryFlat (IBxF)", Buffer.concat([binaryHeader("IBxF"), list(6, 1)])],
];

function read(file: Uint8Array, { pieces = 1_000, expected = true } = {}) {
  const index = new IndexFile();
  for (let at = 0; at < file.length; at += pieces) index.write(file.subarray(at, at + pieces));
  return index.end(expected);
}

describe.each(whole)("an index of type %s", (type, file) => {
  test("tells its type, dimension and vectors, however its bytes come", () => {
    for (const pieces of [1, 7, 1_000]) {
      const facts = read(file, { pieces });
      expect(`${facts?.type} (${facts?.code})`).toBe(type);
      expect(facts).toMatchObject({
        state: "whole",
        header: { vectors: 3, dimension: type.startsWith("Binary") ? 16 : 4 },
      });
    }
  });

  test("is torn wherever it is cut off", () => {
    for (let length = 0; length < file.length; length++) {
      expect(read(file.subarray(0, length)), `at ${length}`).toMatchObject({ state: "torn" });
    }
  });

  test("shows what stands behind its end", () => {
    expect(read(Buffer.concat([file, Buffer.of(0)]))).toMatchObject({ state: "trailing" });
  });
});

describe("what is no index, or hostile", () => {
  test("a flat file is as long as the library's own formula says", () => {
    expect(flat.length).toBe(45 + 4 * 3 * 4);
    expect(whole[2]?.[1].length).toBe(45 + 4 * 3 * 4 + 4);
  });

  test("unknown codes are kept as unknown where the name says index, and are no index else", () => {
    const file = Buffer.from("QQQQ and some more");
    expect(read(file)).toMatchObject({ code: "QQQQ", type: undefined, state: "opaque" });
    expect(read(file, { expected: false })).toBeUndefined();
    expect(read(Buffer.from("IxF2 is how this text begins, and it goes on"), { expected: false })).toBeUndefined();
    expect(read(Buffer.alloc(0), { expected: false })).toBeUndefined();
  });

  test("types known by their header alone are opaque behind it", () => {
    expect(read(Buffer.concat([header("Ixrq"), Buffer.from("anything")]))).toMatchObject({
      type: "RaBitQ",
      state: "opaque",
    });
  });

  test("impossible lengths are damage, at once", () => {
    const endless = Buffer.concat([header("IxF2"), long(-1n), Buffer.alloc(100)]);
    const far = Buffer.concat([header("IxF2"), long(2 ** 45), Buffer.alloc(100)]);
    for (const file of [endless, far]) expect(read(file)).toMatchObject({ type: "Flat", state: "torn" });
    expect(read(Buffer.concat(Array.from({ length: 10_000 }, () => header("IxMp"))))).toMatchObject({ state: "torn" });
  });
});
