import { expect, test } from "vitest";
import { identityOf, madeAnew } from "../src/identity.ts";

const dot = { size: 2, distance: "Dot" };
const cosine = { size: 2, distance: "Cosine" };

test.each([
  [dot, dot, false],
  [dot, { ...dot, on_disk: true, hnsw_config: { m: 8 } }, false],
  [dot, cosine, true],
  [dot, { ...dot, size: 3 }, true],
  [dot, { a: dot }, true],
  [{ a: dot }, { a: dot, b: cosine }, false],
  [{ a: dot, b: cosine }, { a: dot }, false],
  [{ a: dot, b: cosine }, { a: dot, b: dot }, true],
  [{ size: dot }, { size: dot }, false],
  [{}, dot, false],
  [undefined, dot, false],
])("a collection of vectors %j and then %j was made anew: %s", (before, after, expected) => {
  const of = (vectors: unknown) => new Map([["c", identityOf({ params: { vectors } })]]);
  expect(madeAnew(of(before), of(after))).toEqual(expected ? ["c"] : []);
});

test("a collection that is gone was not made anew", () => {
  expect(madeAnew(new Map([["c", identityOf({ params: { vectors: dot } })]]), new Map())).toEqual([]);
});
