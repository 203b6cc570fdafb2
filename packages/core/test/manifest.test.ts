import fc from "fast-check";
import { expect, test } from "vitest";
import { formOf, isBackupError, parseManifest } from "../src/index.ts";
import { digest, manifest } from "./sample-manifest.ts";

const text = JSON.stringify(manifest);

test("reads back what was written", () => {
  expect(parseManifest(text, "here")).toEqual(manifest);
});

test.each([
  ["not JSON", "{", "corrupt"],
  ["not a manifest", '{"format":"tar"}', "corrupt"],
  ["an array", "[]", "corrupt"],
  ["a field missing", JSON.stringify({ ...manifest, forms: undefined }), "corrupt"],
  ["a field too many", JSON.stringify({ ...manifest, extra: 1 }), "corrupt"],
  ["a digest cut short", text.replace(digest, "0"), "corrupt"],
  [
    "a newer format",
    JSON.stringify({ ...manifest, version: 2, madeBy: "sutazai-backup 9.1.0" }),
    "incompatible-version",
  ],
])("%s", (_, damaged, reason) => {
  expect(() => parseManifest(damaged, "here")).toThrow(
    expect.objectContaining({ reason, message: expect.stringContaining("here") }),
  );
});

test("a newer format says which version reads it", () => {
  const newer = JSON.stringify({ format: "sutazai-backup", version: 2, madeBy: "sutazai-backup 9.1.0" });
  expect(() => parseManifest(newer, "here")).toThrow(
    expect.objectContaining({ hint: "read it with sutazai-backup 9.1.0 or newer" }),
  );
});

test("any text gives a manifest or a BackupError", () => {
  const mutation = fc.tuple(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), fc.nat(5));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), mutation), (input) => {
      const hostile =
        typeof input === "string" ? input : text.slice(0, input[0]) + input[1] + text.slice(input[0] + input[2]);
      try {
        expect(parseManifest(hostile, "here").format).toBe("sutazai-backup");
      } catch (error) {
        if (!isBackupError(error)) throw error;
      }
    }),
  );
});

test("a form that is not there is an error that names those that are", () => {
  expect(formOf(manifest).name).toBe("rdb");
  expect(() => formOf(manifest, "aof")).toThrow(expect.objectContaining({ reason: "not-found", hint: "it has: rdb" }));
});
