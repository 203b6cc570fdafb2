import { expect, test } from "vitest";
import { isAt } from "../src/search.ts";

const [a, b] = [Float32Array.of(3, 4), Float32Array.of(4, -3)];
const nothing = Float32Array.of(0, 0);

test.each<[space: string, one: Float32Array, other: Float32Array, distance: number]>([
  ["l2", a, a, 0],
  ["l2", a, b, 50],
  ["ip", a, a, -24],
  ["ip", a, b, 1],
  ["cosine", a, a, 0],
  ["cosine", a, b, 1],
  ["cosine", a, nothing, 1],
])("by %s a distance is what the server says, or not", (space, one, other, distance) => {
  expect(isAt(distance, space, one, other)).toBe(true);
  expect(isAt(distance + 1e-6, space, one, other)).toBe(true);
  expect(isAt(distance + 0.1, space, one, other)).toBe(false);
  expect(isAt(Number.NaN, space, one, other)).toBe(false);
});
