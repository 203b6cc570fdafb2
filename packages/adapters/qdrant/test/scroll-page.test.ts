import { expect, test } from "vitest";
import { splitPage } from "../src/scroll-page.ts";

const page = (points: string, next: string) =>
  Buffer.from(`{"result":{"points":[${points}],"next_page_offset":${next}},"status":"ok","time":0.001}`);

const split = (points: string, next: string = "null") => {
  const found = splitPage(page(points, next));
  return found && { ...found, points: found.points.map(String) };
};

test("points are cut out as they were written", () => {
  const points = [
    '{"id":1,"payload":{"f":4.0,"n":1e-300},"vector":[0.1,-0.2]}',
    '{"id":18446744073709551615,"vector":{"a":[[1],[2]]}}',
  ];
  expect(split(points.join(","), "7")).toEqual({ points, next: "7" });
});

test("what looks like the end of a page may be in a string", () => {
  const points = [
    String.raw`{"id":1,"payload":{"a":"],\"next_page_offset\":9","b":"\\","c\\\"":"}]"}}`,
    String.raw`{"id":2,"payload":{"quote":"\"","déjà":"☕,"}}`,
  ];
  expect(split(points.join(","))).toEqual({ points, next: undefined });
});

test("a page may be empty, and an offset a UUID", () => {
  expect(split("")).toEqual({ points: [], next: undefined });
  expect(split('{"id":1}', '"00000000-0000-4000-8000-000000000001"')?.next).toBe(
    '"00000000-0000-4000-8000-000000000001"',
  );
});

test.each([
  "",
  "{}",
  '{"result":{"points":[',
  '{"result":{"points":[{"id":1}',
  '{"result":{"points":[{"id":"1',
  '{"result":{"points":[{"id":1}]}}',
  '{"result":{"points":[{"id":1}],"next_page_offset":',
])("%j is no page", (text) => {
  expect(splitPage(Buffer.from(text))).toBeUndefined();
});
