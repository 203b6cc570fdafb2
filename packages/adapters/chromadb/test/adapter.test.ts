import { Secret } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { fieldsOf, rowsOf } from "../src/answer-parts.ts";
import { textStoredAs } from "../src/exact-number.ts";
import { ContentDigest } from "../src/facts.ts";
import { chromadbAdapter, type ChromadbOptions } from "../src/index.ts";
import { compareFingerprints } from "@sutazai/backup-core";

describe("options", () => {
  test.each<[string, object]>([
    ["both places", { container: "a", url: "http://b:8000" }],
    ["credentials in the URL", { url: "http://u:p@b:8000" }],
    ["another protocol", { url: "ftp://b" }],
    ["a copy by URL", { url: "http://b:8000", forms: ["data"] }],
    ["a form twice", { forms: ["data", "data"] }],
    ["a user alone", { user: "u" }],
    ["two of one header", { user: "u", password: new Secret("p"), token: new Secret("t") }],
    ["a relative directory", { directory: "data" }],
    ["something unknown", { colour: "red" }],
  ])("that cannot be right are told: %s", (_, options) => {
    expect(() => chromadbAdapter(options as ChromadbOptions)).toThrow(
      expect.objectContaining({ reason: "configuration" }),
    );
  });

  test("decide what the adapter can", () => {
    expect(chromadbAdapter().capabilities).toMatchObject({
      forms: [{ name: "data", pointInTime: true }, { name: "export" }],
      restoreMethods: [
        { name: "replace", fence: "isolated", restarts: true },
        { name: "import", fence: "isolated" },
      ],
    });
    expect(chromadbAdapter({ url: "http://b:8000" }).capabilities).toMatchObject({
      forms: [{ name: "export", pointInTime: false }],
      restoreMethods: [{ name: "import", fence: "none", restarts: false }],
    });
  });
});

describe("an answer's parts", () => {
  test("are cut where they end, whatever is in their strings", () => {
    const text = String.raw`{"ids":["\"],\"embeddings\":[[1]]","b\\"],"embeddings":[[1,2],null,[-0.0,1e-30]],"metadatas":[{"a":["]}"]},null],"x":1}`;
    const fields = fieldsOf(Buffer.from(text));
    expect(fields?.get("metadatas")?.toString()).toBe(`[{"a":["]}"]},null]`);
    expect(rowsOf(fields?.get("embeddings") ?? Buffer.alloc(0)).map(String)).toEqual([
      "[1,2]",
      "undefined",
      "[-0.0,1e-30]",
    ]);
  });

  test.each(["", "[]", "{", `{"a":1`, `{"a" 1}`, `{"a":1}}`])("of %j are none", (text) => {
    expect(fieldsOf(Buffer.from(text))).toBeUndefined();
  });
});

test("a number is sent as the text that the server stores as this number", () => {
  // What the server was seen to make of 26.400000000000002 is 26.4, and of 26.4 itself.
  expect(textStoredAs(26.4)).toBe("26.4");
  expect(textStoredAs(1)).toBe("1.0");
  expect(textStoredAs(-0)).toBe("-0.0");
  expect(textStoredAs(8 / 7)).toBe("1.1428571428571428");
});

describe("sums of vectors", () => {
  const vectors = Array.from({ length: 500 }, (_, row) =>
    Float32Array.from({ length: 64 }, (__, at) => Math.sin(row * 64 + at) * (1 + (row % 7))),
  );
  const factsOf = (all: readonly Float32Array[]) => {
    const digest = new ContentDigest(true);
    all.forEach((vector, row) => digest.addVector(`id ${row}`, vector));
    return digest.facts("x");
  };
  const original = factsOf(vectors);
  const changed = (row: number, change: (vector: Float32Array) => Float32Array) =>
    factsOf(vectors.map((vector, at) => (at === row ? change(vector) : vector)));

  test("are the same for vectors that went through a length and a direction", () => {
    const rounded = vectors.map((vector) => {
      const length = Math.fround(Math.hypot(...vector));
      return vector.map((number) => Math.fround(Math.fround(number / length) * length));
    });
    expect(compareFingerprints(original, factsOf(rounded))).toEqual([]);
  });

  test("tell one changed, lost or exchanged vector", () => {
    const other = vectors[8] ?? new Float32Array();
    for (const found of [
      changed(7, () => other),
      changed(7, (vector) => vector.map((number, at) => (at === 3 ? number + 0.01 : number))),
      factsOf(vectors.slice(1)),
      factsOf([vectors[1], vectors[0], ...vectors.slice(2)] as Float32Array[]),
    ]) {
      expect(compareFingerprints(original, found)).not.toEqual([]);
    }
  });
});
