import { expect, test } from "vitest";
import { verifyChecksum } from "../src/index.ts";

const signal = new AbortController().signal;

test("says what the store found", async () => {
  const sound = { checkIntegrity: async () => ({ files: 2, bytes: 10, problems: [] }) };
  expect(await verifyChecksum(sound, "id", signal)).toMatchObject({
    level: "checksum",
    ok: true,
    evidence: { artifacts: 2, bytes: 10 },
  });
  const damaged = { checkIntegrity: async () => ({ files: 2, bytes: 10, problems: ["a.zst: is missing"] }) };
  expect(await verifyChecksum(damaged, "id", signal)).toMatchObject({ ok: false, problems: ["a.zst: is missing"] });
});
