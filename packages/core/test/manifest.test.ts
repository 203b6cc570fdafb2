import fc from "fast-check";
import { expect, test } from "vitest";
import { formOf, isBackupError, parseManifest, type Manifest } from "../src/index.ts";

const digest = "0".repeat(64);
const manifest: Manifest = {
  format: "sutazai-backup",
  version: 1,
  id: "20261123T130000.000Z-k3f9a1",
  database: "cache",
  kind: "redis",
  sequence: 3,
  parents: [],
  runId: "run",
  purpose: "backup",
  status: "ok",
  startedAt: "2026-11-23T13:00:00.000Z",
  endedAt: "2026-11-23T13:00:01.000Z",
  madeBy: "sutazai-backup 1.0.0",
  serverVersion: "8.0.2",
  container: null,
  empty: false,
  incomplete: [],
  warnings: [],
  forms: [
    {
      name: "rdb",
      method: "BGSAVE",
      capture: { from: "2026-11-23T13:00:00.000Z", to: "2026-11-23T13:00:00.000Z" },
      pausedMs: 0,
      artifacts: ["dump.rdb"],
      fingerprint: { keys: { exact: 3 }, size: { bounds: [1, 2] }, modules: { absent: "not asked" } },
      notCovered: [],
    },
  ],
  artifacts: [
    {
      name: "dump.rdb",
      file: "dump.rdb.zst",
      codec: "zstd",
      plain: { bytes: 9, sha256: digest },
      stored: { bytes: 8, sha256: digest },
    },
  ],
  details: { any: [1, null] },
};
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
