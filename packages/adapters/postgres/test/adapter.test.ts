import type { Secret } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { postgresAdapter } from "../src/index.ts";

test("options that cannot be right are told at once, without what is secret in them", () => {
  const wrong = { password: "hunter2" as unknown as Secret, parallel: 0, colour: "red" };
  let error: unknown;
  try {
    postgresAdapter(wrong);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ reason: "configuration", database: "postgres" });
  expect(String(error)).toMatch(/parallel/);
  expect(String(error)).toMatch(/colour/);
  expect(String(error)).not.toContain("hunter2");
});

test("says what it can do without reaching for anything", () => {
  const adapter = postgresAdapter({ name: "main", container: "no-such-container" });
  expect(adapter).toMatchObject({ kind: "postgres", name: "main" });
  expect(adapter.capabilities.restoreMethods).toEqual([{ name: "staged", restarts: false, fence: "staged" }]);
});
