import { BackupError, type Bytes, type Fingerprint, type FormFacts } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { verifyStructure, type Candidate } from "../src/index.ts";

/** Counts lines; takes only text that ends with a line end. */
const adapter = {
  async inspectArtifact(name: string, content: Bytes) {
    let text = "";
    for await (const chunk of content) text += Buffer.from(chunk).toString();
    if (!text.endsWith("\n")) throw new BackupError("corrupt", `ends within a line, at byte ${text.length}`);
    return { facts: { [`${name}/lines`]: { exact: text.split("\n").length - 1 } } };
  },
};

function candidate(
  artifacts: Record<string, string>,
  fingerprint: Fingerprint,
  named = Object.keys(artifacts),
): Candidate {
  const form: FormFacts = {
    name: "text",
    method: "cat",
    capture: { from: "", to: "" },
    artifacts: named,
    fingerprint,
    notCovered: [],
  };
  return {
    artifacts: Object.keys(artifacts).map((name) => ({ name })),
    forms: [form],
    details: null,
    read: async function* (name) {
      yield Buffer.from(artifacts[name] ?? "");
    },
  };
}

const verify = (given: Candidate, inspector = adapter) =>
  verifyStructure(given, inspector, new AbortController().signal);

test("what is as it was recorded is ok, and says what it looked at", async () => {
  const result = await verify(
    candidate(
      { a: "1\n2\n", b: "1\n" },
      { "a/lines": { exact: 2 }, "b/lines": { bounds: [1, 3] }, whole: { exact: "x" } },
    ),
  );
  expect(result).toMatchObject({
    level: "structure",
    ok: true,
    problems: [],
    evidence: { artifacts: 2, bytes: 6, factsConfirmed: 2, factsOpen: 1 },
  });
});

test.each<[string, Candidate, string]>([
  [
    "a fact that differs",
    candidate({ a: "1\n" }, { "a/lines": { exact: 2 } }),
    "form text: a/lines: different, expected 2, found 1",
  ],
  [
    "a fact out of bounds",
    candidate({ a: "1\n" }, { "a/lines": { bounds: [2, 3] } }),
    "form text: a/lines: outside-bounds, expected 2–3, found 1",
  ],
  [
    "a fact that was never recorded",
    candidate({ a: "1\n" }, {}),
    "form text: a/lines: unexpected, expected nothing, found 1",
  ],
  [
    "an artifact that is damaged",
    candidate({ a: "1\n2" }, { "a/lines": { exact: 2 } }),
    "a: ends within a line, at byte 3",
  ],
  [
    "an artifact that is missing",
    candidate({ a: "1\n" }, { "a/lines": { exact: 1 } }, ["a", "b"]),
    "form text names the artifact b, which is not there",
  ],
  [
    "an artifact of no form",
    candidate({ a: "1\n", b: "1" }, { "a/lines": { exact: 1 } }, ["a"]),
    "b: ends within a line, at byte 1",
  ],
])("%s", async (_, given, problem) => {
  const result = await verify(given);
  expect(result).toMatchObject({ ok: false, problems: [problem] });
});

test("an adapter that stops before the end has proven nothing", async () => {
  const lazy = { inspectArtifact: async () => ({ facts: { "a/lines": { exact: 1 } } }) };
  expect(await verify(candidate({ a: "1\n" }, { "a/lines": { exact: 1 } }), lazy)).toMatchObject({
    ok: false,
    problems: ["a: was not read to its end"],
  });
});

test("an abort is not a finding", async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(verifyStructure(candidate({ a: "1\n" }, {}), adapter, controller.signal)).rejects.toThrow();
});
