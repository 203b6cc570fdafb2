import { expect, test } from "vitest";
import { Tail } from "../src/tail.ts";

test.each([1, 7, 64, 1000])("the last bytes are kept, written %i at a time", (size) => {
  const text = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join("");
  const tail = new Tail(100);
  for (let offset = 0; offset < text.length; offset += size) tail.write(Buffer.from(text.slice(offset, offset + size)));
  expect(tail.toString()).toBe(text.slice(-100));
});
