import { expect, test } from "vitest";
import { newestReadable, productOf, serverVersion } from "../src/version.ts";

test.each([
  ["8.2.1", 12],
  ["8.0.2", 12],
  ["7.4.1", 12],
  ["7.2.5", 11],
  ["7.0.15", 10],
  ["6.2.14", 9],
  ["5.0.0", 9],
  ["4.0.1", 8],
  ["3.2.0", 7],
  ["2.8.0", 6],
])("%s reads RDB versions up to %i", (version, rdb) => {
  expect(newestReadable({ redis_version: version })).toBe(rdb);
});

test("Valkey says which Redis it is compatible with, and its own version", () => {
  const info = { redis_version: "7.2.4", valkey_version: "8.0.1" };
  expect(newestReadable(info)).toBe(11);
  expect(serverVersion(info)).toBe("8.0.1");
  expect(productOf(info)).toBe("valkey");
});
