import { expect, test } from "vitest";
import { compareFingerprints, describeDifference, type Fact } from "../src/index.ts";

const cases: readonly [
  name: string,
  expected: Fact | undefined,
  actual: Fact | undefined,
  problem: string | undefined,
][] = [
  ["equal", { exact: "3:ab" }, { exact: "3:ab" }, undefined],
  ["another value", { exact: "3:ab" }, { exact: "4:ab" }, "different"],
  ["another type", { exact: 3 }, { exact: "3" }, "different"],
  ["not found", { exact: 3 }, undefined, "missing"],
  ["found, but not known", { exact: 3 }, { absent: "too large" }, "missing"],
  ["exact was promised, bounds were found", { exact: 3 }, { bounds: [3, 3] }, "different"],
  ["within bounds", { bounds: [3, 5] }, { exact: 4 }, undefined],
  ["within bounds that fell", { bounds: [5, 3] }, { exact: 4 }, undefined],
  ["below bounds", { bounds: [3, 5] }, { exact: 2 }, "outside-bounds"],
  ["overlapping bounds", { bounds: [3, 5] }, { bounds: [5, 9] }, undefined],
  ["bounds apart", { bounds: [3, 5] }, { bounds: [6, 9] }, "outside-bounds"],
  ["text within bounds", { bounds: [3, 5] }, { exact: "4" }, "different"],
  ["never known", { absent: "no permission" }, { exact: 1 }, undefined],
  ["not recorded", undefined, { exact: 1 }, "unexpected"],
];

test.each(cases)("%s", (_, expected, actual, problem) => {
  const differences = compareFingerprints(expected ? { fact: expected } : {}, actual ? { fact: actual } : {});
  expect(differences.map((difference) => difference.problem)).toEqual(problem === undefined ? [] : [problem]);
});

test("a fact may be called anything", () => {
  for (const fact of ["constructor", "__proto__", "toString"]) {
    const recorded = JSON.parse(`{"${fact}":{"exact":1}}`);
    expect(compareFingerprints(recorded, {})).toMatchObject([{ fact, problem: "missing" }]);
    expect(compareFingerprints({}, recorded)).toMatchObject([{ fact, problem: "unexpected" }]);
    expect(compareFingerprints(recorded, recorded)).toEqual([]);
  }
});

test("a difference reads as one line", () => {
  const [difference] = compareFingerprints(
    { "table:public.users": { exact: "5:ab" } },
    { "table:public.users": { exact: "6:cd" } },
  );
  expect(describeDifference(difference!)).toBe("table:public.users: different, expected 5:ab, found 6:cd");
});
