import { expect, test } from "vitest";
import { Crc64 } from "../../src/rdb/crc64.ts";

// The check values of crc64.c of Redis.
test.each([
  ["123456789", "e9c6d914c4b8d9ca"],
  ["This is a test of the emergency broadcast system.", undefined],
])("the CRC of %j", (text, expected) => {
  const whole = new Crc64();
  whole.update(Buffer.from(text));
  if (expected !== undefined) expect(whole.hex()).toBe(expected);
  for (let cut = 0; cut <= text.length; cut++) {
    const pieces = new Crc64();
    pieces.update(Buffer.from(text), 0, cut);
    pieces.update(Buffer.from(text), cut);
    expect(pieces.hex()).toBe(whole.hex());
  }
});
