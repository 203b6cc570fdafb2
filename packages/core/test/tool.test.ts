import { expect, test } from "vitest";
import { assertSucceeded, BackupError, outputOf, textOf, type ToolExit, type ToolProcess } from "../src/index.ts";

function tool(chunks: readonly string[], exit: Partial<ToolExit> = {}): ToolProcess & { disposed: boolean } {
  const process = {
    disposed: false,
    stdout: (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })(),
    exit: Promise.resolve({ code: 0, outOfMemory: false, stderr: "", ...exit }),
    [Symbol.asyncDispose]: async () => {
      process.disposed = true;
    },
  };
  return process;
}

test("the output of a tool that failed ends with an error, whatever it had written", async () => {
  const failing = tool(["a whole dump"], { code: 1, stderr: "one\ntwo\nthe reason\n" });
  await expect(textOf(failing, { tool: "pg_dump", database: "db" })).rejects.toMatchObject({
    reason: "tool-failed",
    database: "db",
    message: expect.stringContaining("the reason"),
  });
  expect(failing.disposed).toBe(true);
});

test("a tool killed for want of memory failed, also with exit code 0", () => {
  expect(() => assertSucceeded({ code: 0, outOfMemory: true, stderr: "" }, { tool: "pg_dump" })).toThrow(
    /want of memory/,
  );
});

test("a better explanation is preferred", () => {
  const better = new BackupError("authentication", "wrong password");
  const failure = { tool: "psql", classify: () => better };
  expect(() => assertSucceeded({ code: 2, outOfMemory: false, stderr: "" }, failure)).toThrow(better);
});

test("leaving early disposes the tool", async () => {
  const endless = tool(["a", "b", "c"]);
  for await (const _ of outputOf(endless, { tool: "cat" })) break;
  expect(endless.disposed).toBe(true);
});

test("text has a limit", async () => {
  await expect(textOf(tool(["1234", "5678"]), { tool: "cat" }, 6)).rejects.toMatchObject({ reason: "tool-failed" });
});
