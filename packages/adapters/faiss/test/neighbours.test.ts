import { expect, test } from "vitest";
import { areAlike } from "../src/neighbours.ts";

const near = (...found: [id: string, score: number][]) => found.map(([id, score]) => ({ id, score }));

test.each([
  ["the same", near(["1", 0], ["2", 5]), true],
  ["in the last digits of the distance", near(["1", 0.0001], ["2", 5.0001]), true],
  ["further away", near(["1", 0], ["2", 5.1]), false],
  ["in the ids", near(["3", 0], ["2", 5]), false],
  ["in an id behind which others may be as near", near(["1", 0], ["3", 5]), true],
  ["in number", near(["1", 0]), false],
  ["in that there is none", near(), false],
])("neighbours that differ %s are told", (_, other, expected) => {
  const recorded = near(["1", 0], ["2", 5]);
  expect(areAlike(recorded, other)).toBe(expected);
});

test("neighbours at the same distance may change places", () => {
  expect(areAlike(near(["1", 0], ["2", 0], ["3", 1]), near(["2", 0], ["1", 0], ["3", 1]))).toBe(true);
});
