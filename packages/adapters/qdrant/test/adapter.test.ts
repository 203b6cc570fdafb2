import { BackupError, Secret } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { areAlike } from "../src/neighbours.ts";
import { fromJournal, toJournal, type QdrantRecord } from "../src/journal-records.ts";
import { artifactOf, collectionOf } from "../src/details.ts";
import { qdrantAdapter, type QdrantOptions } from "../src/index.ts";

describe("options", () => {
  test("say what the adapter can do", () => {
    expect(qdrantAdapter()).toMatchObject({
      name: "qdrant",
      kind: "qdrant",
      capabilities: { forms: [{ name: "snapshot" }], restoreMethods: [{ name: "upload", fence: "isolated" }] },
    });
    const byUrl = qdrantAdapter({
      name: "vectors",
      url: "https://qdrant.example",
      forms: ["scroll"],
      apiKey: new Secret("k"),
    });
    expect(byUrl).toMatchObject({
      name: "vectors",
      capabilities: { forms: [{ name: "scroll" }], restoreMethods: [{ name: "upload", fence: "none" }] },
    });
  });

  test.each<[string, object]>([
    ["a container and a URL", { container: "a", url: "http://b" }],
    ["credentials in the URL", { url: "http://user:secret-of-mine@b" }],
    ["another protocol", { url: "grpc://b:6334" }],
    ["no form", { forms: [] }],
    ["a form twice", { forms: ["scroll", "scroll"] }],
    ["a form that there is not", { forms: ["dump"] }],
    ["a setting that there is not", { colour: "red" }],
    ["a key that is no secret", { apiKey: "secret-of-mine" }],
  ])("refuse %s, without repeating a secret", (_, options) => {
    let thrown: unknown;
    try {
      qdrantAdapter(options as QdrantOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(BackupError);
    expect(thrown).toMatchObject({ reason: "configuration", hint: expect.any(String) as string });
    expect(String(thrown)).not.toContain("secret-of-mine");
  });
});

test.each(["plain", "two words", "..", ".", "100 %2F", "a/b%c", "ü", "a.snapshot", "a\nb"])(
  "the artifacts of %j lead back to it",
  (name) => {
    for (const form of ["snapshot", "scroll"] as const) {
      const artifact = artifactOf(name, form);
      expect(artifact.split("/")).toHaveLength(2);
      expect(artifact.split("/")).not.toContain("..");
      expect(collectionOf(artifact)).toEqual({ name, form });
    }
  },
);

describe("journal records", () => {
  const config = { params: { vectors: { size: 2, distance: "Dot" } }, hnsw_config: { m: 16 } };
  const records: QdrantRecord[] = [
    {
      action: "make-snapshot",
      data: { collection: "a", known: ["b"], at: "2026-11-23T13:06:22.000Z", withinRestore: true },
    },
    { action: "snapshot", data: { collection: "a", name: "a-1.snapshot", withinRestore: false } },
    { action: "replace", data: { collection: "a", was: null } },
    {
      action: "replace",
      data: {
        collection: "a",
        was: {
          config,
          payloadSchema: { f: { data_type: "keyword" } },
          points: 3,
          snapshot: { name: "s", size: 9, checksum: null },
        },
      },
    },
    { action: "aliases", data: { before: { latest: "a" } } },
  ];

  test.each(records)("$action is read back", (record) => {
    expect(fromJournal(JSON.parse(JSON.stringify(toJournal("vectors", record))) as never)).toMatchObject(record);
  });

  test("what the adapter did not write is refused", () => {
    expect(() => fromJournal({ part: "vectors", action: "drop everything", data: {} })).toThrow(
      expect.objectContaining({ reason: "corrupt", database: "vectors" }) as Error,
    );
  });
});

describe("neighbours", () => {
  const near = [
    { id: "1", score: 0.9 },
    { id: "2", score: 0.8 },
    { id: "3", score: 0.7 },
  ];
  const replaced = (at: number, change: Partial<(typeof near)[number]>) =>
    near.map((one, index) => (index === at ? { ...one, ...change } : one));

  test("are alike where scores differ in the last digits, or equals change places", () => {
    expect(areAlike(near, replaced(0, { score: 0.900_000_1 }))).toBe(true);
    expect(areAlike(near, replaced(2, { id: "4" }))).toBe(true);
    const equals = replaced(1, { score: 0.9 });
    expect(areAlike(equals, [equals[1]!, equals[0]!, equals[2]!])).toBe(true);
  });

  test("are not where another point came nearer, a score differs, or one is missing", () => {
    expect(areAlike(near, replaced(0, { id: "4" }))).toBe(false);
    expect(areAlike(near, replaced(1, { score: 0.81 }))).toBe(false);
    expect(areAlike(near, near.slice(1))).toBe(false);
  });
});
