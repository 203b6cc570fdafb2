import { expect, test } from "vitest";
import { Crc64 } from "../../src/rdb/crc64.ts";

test("the check value of crc64.c of Redis", () => {
  const crc = new Crc64();
  crc.update(Buffer.from("123456789"));
  expect(crc.hex()).toBe("e9c6d914c4b8d9ca");
});

test("the same in any pieces", () => {
  const content = Buffer.from("This is a test of the emergency broadcast system.");
  const whole = new Crc64();
  whole.update(content);
  for (let cut = 0; cut <= content.length; cut++) {
    const pieces = new Crc64();
    pieces.update(content, 0, cut);
    pieces.update(content, cut);
    expect(pieces.hex()).toBe(whole.hex());
  }
});
