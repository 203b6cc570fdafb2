import { expect, test, vi } from "vitest";
import { run } from "../src/run.ts";

async function mistake(args: readonly string[]): Promise<{ code: number; said: string }> {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const code = await run(args);
    return { code, said: write.mock.calls.map(([text]) => String(text)).join("") };
  } finally {
    write.mockRestore();
  }
}

test.each([
  [["bakcup"], "Did you mean backup?"],
  [["backup", "--compresion", "gzip"], "compresion"],
  [["backup", "--compression", "rar"], "Invalid values"],
  [["restore"], "Not enough non-option arguments"],
  [["restore", "redis", "--backup"], "Not enough arguments following: backup"],
  [["restore", "redis", "--backup", "x", "--file", "y"], "mutually exclusive"],
  [[], "Say what to do"],
])("%j is a usage error, told in a line", async (args, expected) => {
  const { code, said } = await mistake(args);
  expect(code).toBe(2);
  expect(said).toContain(expected);
  expect(said.trimEnd().split("\n").length).toBeLessThanOrEqual(6);
});
