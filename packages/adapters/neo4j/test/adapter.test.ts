import { Secret, type Bytes } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { neo4jAdapter, type Neo4jOptions } from "../src/index.ts";
import { isNewer } from "../src/version.ts";

describe("options", () => {
  test.each<[what: string, options: object, names: RegExp]>([
    ["a method that is none", { container: "x", method: "hot" }, /method/],
    ["a port that is none", { container: "x", port: 0 }, /port/],
    ["a password as text", { container: "x", password: "text" }, /Secret/],
    ["too little memory", { container: "x", recoveryMemory: 1_000 }, /recoveryMemory/],
    ["an unknown one", { container: "x", sytem: "keep" }, /sytem/],
  ])("%s: is refused by name", (_what, options, names) => {
    expect(() => neo4jAdapter(options as Neo4jOptions)).toThrow(names);
  });

  test.each<[options: Neo4jOptions, forms: readonly (readonly [string, boolean, boolean])[]]>([
    [{}, [["dump", true, true]]],
    [{ method: "offline" }, [["dump", true, true]]],
    [{ method: "export" }, [["export", false, true]]],
    [
      { fallback: ["offline", "data-directory", "export"] },
      [
        ["dump", true, true],
        ["data", true, false],
        ["export", false, false],
      ],
    ],
  ])("%j gives these forms", (options, forms) => {
    const { capabilities, name } = neo4jAdapter({ container: "x", password: new Secret("x"), ...options });
    expect(name).toBe("neo4j");
    expect(capabilities.restoreMethods.map((method) => method.forms)).toEqual([["dump", "data"]]);
    expect(capabilities.forms).toEqual(
      forms.map(([form, pointInTime, byDefault]) => ({ name: form, pointInTime, byDefault })),
    );
  });
});

test.each([
  ["2026.08.1", "2026.08.1", false],
  ["2026.08.2", "2026.08.1", false],
  ["2026.09.0", "2026.08.1", true],
  ["5.26.30", "2026.08.1", false],
  ["2025.01.0", "5.26.30", true],
  ["999.0.0", "2026.08.1", true],
  ["9999.0.0", "2026.08.1", true],
])("a store of %s is too new for %s: %s", (written, reading, expected) => {
  expect(isNewer(written, reading)).toBe(expected);
});

describe("an export", () => {
  const lines = [
    { export: "neo4j", version: 1, database: "neo4j" },
    { schema: "a", statement: "CREATE RANGE INDEX `a` FOR (n:`A`) ON (n.`x`)" },
    { node: "0", labels: ["A"], properties: { x: { integer: "1" } } },
    { node: "7", labels: [], properties: {} },
    { relationship: "R", start: "0", end: "7", properties: {} },
    { nodes: 2, relationships: 1, dangling: 0 },
  ];
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
  const context = { details: null, signal: new AbortController().signal };

  async function* bytes(content: string, size: number): Bytes {
    const all = Buffer.from(content);
    for (let at = 0; at < all.length; at += size) yield Buffer.from(all.subarray(at, at + size));
  }
  const inspect = (content: string, size = 16) =>
    neo4jAdapter({ host: "h" }).inspectArtifact("neo4j.jsonl", bytes(content, size), context);

  test.each([1, 16, 10_000])("is read in pieces of %i bytes, and tells its facts", async (size) => {
    const { facts } = await inspect(text, size);
    expect(facts).toMatchObject({
      "database:neo4j/nodes:A": { exact: 1 },
      "database:neo4j/relationships:R": { exact: 1 },
      "database:neo4j/schema:a": { exact: expect.any(String) },
    });
  });

  test.each<[what: string, content: string]>([
    ["nothing", ""],
    ["no JSON", "CREATE (n)\n"],
    ["a cut in a line", text.slice(0, -3)],
    ["the last line missing", text.slice(0, text.lastIndexOf("{"))],
    ["a line missing", text.replace(/.*"node":"7".*\n/, "")],
    ["the first line missing", text.slice(text.indexOf("\n") + 1)],
    ["something behind the end", `${text}{"node":"9","labels":[],"properties":{}}\n`],
    ["a number that is no id", text.replace('"node":"7"', '"node":"x"')],
  ])("with %s is refused", async (_what, content) => {
    await expect(inspect(content)).rejects.toMatchObject({ reason: "corrupt", database: "neo4j" });
  });
});
