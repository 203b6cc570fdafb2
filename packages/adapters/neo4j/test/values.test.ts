import neo4j from "neo4j-driver";
import { expect, test } from "vitest";
import { GraphContent } from "../src/content/graph.ts";
import { NodeDigests } from "../src/content/node-digests.ts";
import { propertiesAsJson, valueAsJson } from "../src/content/values.ts";

test.each<[value: unknown, json: unknown]>([
  ["ünï", "ünï"],
  [true, true],
  [9_007_199_254_740_993n, { integer: "9007199254740993" }],
  [2n, { integer: "2" }],
  [2, { float: "2" }],
  [0.1, { float: "0.1" }],
  [Number.NaN, { float: "NaN" }],
  [-Infinity, { float: "-Infinity" }],
  [-0, { float: "-0" }],
  [[], []],
  [
    ["a", ""],
    ["a", ""],
  ],
  [
    [1n, 2n],
    [{ integer: "1" }, { integer: "2" }],
  ],
  [[1, -0], { floats: "AAAAAAAA8D8AAAAAAAAAgA==" }],
  [new Int8Array([0, -1, 127]), { bytes: "AP9/" }],
  [new neo4j.types.Date(2026, 11, 23), { date: "2026-11-23" }],
  [new neo4j.types.Time(12, 34, 56, 123_456_789, 20_700), { time: "12:34:56.123456789+05:45" }],
  [new neo4j.types.LocalTime(0, 0, 0, 1), { localTime: "00:00:00.000000001" }],
  [
    new neo4j.types.DateTime(2026, 10, 25, 2, 30, 0, 5e8, 3_600, "Europe/Berlin"),
    { dateTime: "2026-10-25T02:30:00.500000000+01:00[Europe/Berlin]" },
  ],
  [new neo4j.types.LocalDateTime(-44, 3, 15, 12, 0, 0, 0), { localDateTime: "-000044-03-15T12:00:00" }],
  [new neo4j.types.Duration(14, 3, 14_706, 789_000_000), { duration: "P1Y2M3DT4H5M6.789000000S" }],
  [new neo4j.types.Point(4326, 13.4, -0), { point: ["4326", "13.4", "-0"] }],
  [new neo4j.types.Point(4979n, 13.4, 52.5, 34.1), { point: ["4979", "13.4", "52.5", "34.1"] }],
])("%s is %j", (value, json) => {
  expect(valueAsJson(value)).toEqual(json);
});

test("what is of no known type is an error, and not left out", () => {
  expect(() => valueAsJson({ some: "thing" })).toThrow(/not known/);
  expect(() => valueAsJson(undefined)).toThrow(/not known/);
});

test("different payloads of NaN are the same value", () => {
  const odd = new Float64Array(new BigUint64Array([0x7ff8_0000_0000_0001n]).buffer)[0];
  expect(valueAsJson([1, odd])).toEqual(valueAsJson([1, Number.NaN]));
});

type Described = readonly [id: bigint, labels: string[], properties: Record<string, unknown>];

function graph(nodes: readonly Described[], relationships: readonly (readonly [string, bigint, bigint])[]) {
  const content = new GraphContent();
  for (const [id, labels, properties] of nodes) content.addNode(id, labels, propertiesAsJson(properties));
  for (const [type, start, end] of relationships) content.addRelationship(type, {}, start, end);
  return content;
}

test("ids, and the orders of nodes, labels and properties, do not matter", () => {
  const one = graph(
    [
      [1n, ["A", "B"], { x: 1n, y: 2n }],
      [2n, [], {}],
    ],
    [
      ["R", 1n, 2n],
      ["S", 2n, 2n],
    ],
  );
  const other = graph(
    [
      [70n, [], {}],
      [9_999n, ["B", "A"], { y: 2n, x: 1n }],
    ],
    [
      ["S", 70n, 70n],
      ["R", 9_999n, 70n],
    ],
  );
  expect(one.facts("d")).toEqual(other.facts("d"));
  expect(one.facts("d")).toMatchObject({
    "d/nodes:A": { exact: 1 },
    "d/nodes:": { exact: 1 },
    "d/relationships:R": { exact: 1 },
  });
});

test("a relationship that goes the other way, a doubled node, and a number of another type show", () => {
  const nodes: Described[] = [
    [1n, ["A"], { x: 1n }],
    [2n, ["B"], {}],
  ];
  const facts = graph(nodes, [["R", 1n, 2n]]).facts("d");
  expect(graph(nodes, [["R", 2n, 1n]]).facts("d")).not.toEqual(facts);
  expect(graph([...nodes, [3n, ["B"], {}]], [["R", 1n, 2n]]).facts("d")).not.toEqual(facts);
  expect(graph([[1n, ["A"], { x: 1 }], nodes[1] ?? nodes[0]!], [["R", 1n, 2n]]).facts("d")).not.toEqual(facts);
});

test("relationships whose nodes were not seen are counted", () => {
  expect(
    graph(
      [[1n, [], {}]],
      [
        ["R", 1n, 5n],
        ["R", 1n, 1n],
      ],
    ).dangling,
  ).toBe(1);
});

test("of more nodes than are remembered, what relationships connect is not known, and not said to be nothing", () => {
  const content = new GraphContent(4_096);
  content.addNode(1n, [], {});
  content.addNode(5_000n, [], {});
  content.addRelationship("R", {}, 1n, 9n);
  expect(content.dangling).toBeNull();
  expect(content.facts("d")).toMatchObject({
    "d/nodes:": { exact: 2 },
    "d/relationships:R": { exact: 1 },
    "d/relationships": { absent: expect.stringContaining("4096 nodes") },
  });
});

test("digests of nodes are remembered up to a bound", () => {
  const digests = new NodeDigests(8_192);
  expect(digests.set(4_096n * 1_000_000n, new Uint32Array([0xabcdef01, 2, 3, 4]))).toBe(true);
  expect(digests.set(1n, new Uint32Array([1, 0, 0, 0]))).toBe(true);
  expect(digests.set(5_000n, new Uint32Array([1, 0, 0, 0]))).toBe(false);
  expect(digests.get(4_096n * 1_000_000n)).toBe("00000002abcdef01");
  expect([digests.has(1n), digests.has(2n), digests.has(5_000n)]).toEqual([true, false, false]);
});
