import fc from "fast-check";
import { expect, test } from "vitest";
import { decompress, isPossible } from "../../src/rdb/lzf.ts";

test("literals and references, overlapping ones as well", () => {
  const input = Buffer.from([2, ...Buffer.from("abc"), 0x80, 2, 0xe0, 1, 0, 0, 33]);
  const output = Buffer.alloc(64);
  expect(decompress(input, 0, input.length, output, 3 + 6 + 10 + 1)).toBe(true);
  expect(output.toString("latin1", 0, 20)).toBe(`abcabcabc${"c".repeat(10)}!`);
  expect(decompress(input, 0, input.length, output, 21)).toBe(false);
  expect(decompress(input, 0, input.length, output, 19)).toBe(false);
  expect(decompress(input, 0, input.length - 1, output, 20)).toBe(false);
});

test("any input stays within its output", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(2000), (input, length) => {
      const output = new Uint8Array(2001).fill(7);
      decompress(input, 0, input.length, output, length);
      expect(output.subarray(length).every((byte) => byte === 7)).toBe(true);
    }),
  );
});

test("lengths that cannot be are told beforehand", () => {
  expect(isPossible(10, 880)).toBe(true);
  expect(isPossible(10, 881)).toBe(false);
  expect(isPossible(0, 0)).toBe(false);
});
