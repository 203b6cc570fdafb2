import { databaseKinds } from "@sutazai/backup-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ArtifactNames,
  databaseFolder,
  databaseFolders,
  databaseOfFolder,
  encodeComponent,
  isArtifactFile,
  isDatabaseFolder,
} from "../src/names.ts";
import { hostile } from "./hostile-names.ts";

describe("encodeComponent", () => {
  it.each([
    ["app", "app"],
    ["my app", "my%20app"],
    ["Größe", "Gr%C3%B6%C3%9Fe"],
    ["..", "%2E%2E"],
    [".", "%2E"],
    [".hidden", "%2Ehidden"],
    ["v1.2.sql", "v1.2.sql"],
    ["-rf", "%2Drf"],
    ["100%", "100%25"],
    ["a~b", "a%7Eb"],
    ["con.sql", "%63on.sql"],
    ["COM1", "%43OM1"],
    ["console", "console"],
    ["", "%"],
    ["a\nb\0", "a%0Ab%00"],
  ])("%j becomes %j", (text, encoded) => {
    expect(encodeComponent(text)).toBe(encoded);
  });

  it("can be undone, and is nothing a file system or a shell takes amiss", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }), (text) => {
        const encoded = encodeComponent(text);
        expect(decodeURIComponent(encoded)).toBe(text);
        expect(encoded).toMatch(/^[A-Za-z0-9_%][A-Za-z0-9_.%-]*$/);
      }),
    );
  });
});

describe("databaseFolder", () => {
  it("lays out the default names as the design has them", () => {
    expect(databaseKinds.map((kind) => databaseFolder(kind, kind))).toEqual([
      "postgres",
      "redis",
      "neo4j",
      "vector-databases/qdrant",
      "vector-databases/chromadb",
      "vector-databases/faiss",
    ]);
  });

  it("keeps two databases apart, and all of them from the store's own files", () => {
    fc.assert(
      fc.property(hostile, hostile, fc.constantFrom(...databaseKinds), (one, other, kind) => {
        fc.pre(one.isWellFormed() && other.isWellFormed());
        const folder = databaseFolder(one, kind);
        const name = folder.slice(folder.lastIndexOf("/") + 1);
        expect(isDatabaseFolder(name)).toBe(true);
        expect(name).not.toContain(".");
        expect(name.length).toBeLessThanOrEqual(255);
        expect(databaseFolders(one)).toContain(folder);
        expect(databaseFolder(other, kind) === folder).toBe(one === other);
        expect(name.includes("~") || databaseOfFolder(folder) === one).toBe(true);
      }),
    );
  });

  it("lets no database take the folder of the vector databases, whatever the case", () => {
    expect(databaseFolder("vector-databases", "postgres")).toBe("%76ector-databases");
    expect(databaseFolder("Vector-Databases", "redis")).toBe("%56ector-Databases");
  });
});

describe("ArtifactNames", () => {
  it("gives different artifacts different files, on file systems without case too, none of them outside or the store's own", () => {
    fc.assert(
      fc.property(fc.uniqueArray(hostile, { maxLength: 30 }), fc.constantFrom("", ".zst"), (names, suffix) => {
        const taken = new ArtifactNames();
        const files = names.filter((name) => name !== "").map((name) => taken.claim(name, suffix));
        expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(files.length);
        for (const file of files) {
          expect(isArtifactFile(file)).toBe(true);
          expect(file.endsWith(suffix)).toBe(true);
          expect(file.length).toBeLessThanOrEqual(1000);
          for (const component of file.split("/")) expect(component.length).toBeLessThanOrEqual(255);
          // No file lies where a folder must be.
          expect(files.some((other) => other.toLowerCase().startsWith(`${file.toLowerCase()}/`))).toBe(false);
        }
      }),
    );
  });

  it("keeps names that need no change", () => {
    const names = new ArtifactNames();
    expect(names.claim("databases/App.sql", ".zst")).toBe("databases/App.sql.zst");
    expect(names.claim("databases/app.sql", ".zst")).toMatch(/^databases\/app\.sql~[0-9a-f]{16}\.zst$/);
    expect(names.claim("manifest.json", "")).toMatch(/^manifest\.json~/);
    expect(names.claim("annotations/1", "")).toMatch(/^1~/);
  });

  it("refuses a name twice until the first is released", () => {
    const names = new ArtifactNames();
    const file = names.claim("a", "");
    expect(() => names.claim("a", "")).toThrow(/written twice/);
    names.release("a", file);
    expect(names.claim("a", "")).toBe(file);
    expect(() => names.claim("", "")).toThrow(/no name/);
  });
});

describe("isArtifactFile", () => {
  it.each([
    "../x",
    "/etc/passwd",
    "a/../../x",
    "a//b",
    "./a",
    "",
    "a/",
    "manifest.json",
    "annotations/1",
    "annotations",
    "a\\..\\b",
    "a\0",
  ])("refuses %j", (file) => {
    expect(isArtifactFile(file)).toBe(false);
  });
});
