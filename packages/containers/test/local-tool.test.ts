import { setTimeout as pause } from "node:timers/promises";
import { outputOf, textOf, type Bytes } from "@sutazai/backup-core";
import { localTool } from "@sutazai/backup-containers";
import { describe, expect, test } from "vitest";

const never = new AbortController().signal;
const start = (...command: [string, ...string[]]) => localTool({ command, signal: never });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a program of this host", () => {
  test("has output, standard error and an exit code", async () => {
    const tool = await start("sh", "-c", "echo out; echo err >&2; exit 7");
    await expect(textOf(tool, { tool: "sh" })).rejects.toThrow("sh ended with exit code 7: err");
    expect(await tool.exit).toEqual({ code: 7, outOfMemory: false, stderr: "err\n" });
  });

  test("takes input and an environment", async () => {
    async function* input(): Bytes {
      for (let index = 0; index < 100; index++) yield new Uint8Array(100_000);
    }
    const tool = await localTool({
      command: ["sh", "-c", "printf %s $WORD; cat"],
      environment: { WORD: "told" },
      stdin: input(),
      signal: never,
    });
    let length = 0;
    for await (const chunk of outputOf(tool, { tool: "cat" })) length += chunk.length;
    expect(length).toBe(10_000_004);
  });

  test("that is not installed is tool-missing, with the hint", async () => {
    const missing = localTool({ command: ["no-such-tool"], missingHint: "install postgresql-client", signal: never });
    await expect(missing).rejects.toMatchObject({ reason: "tool-missing", hint: "install postgresql-client" });
  });

  test("that is killed by a signal has its exit code", async () => {
    expect((await (await start("sh", "-c", "kill -9 $$")).exit).code).toBe(137);
    expect((await (await start("sh", "-c", "kill -1 $$")).exit).code).toBe(129);
  });

  test("is killed with all that it started by an abort", async () => {
    const abort = new AbortController();
    const tool = await localTool({ command: ["sh", "-c", "sleep 600 & echo $!; wait"], signal: abort.signal });
    let pid = 0;
    const reading = (async () => {
      for await (const chunk of tool.stdout) {
        pid = Number(Buffer.from(chunk).toString());
        abort.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ reason: "cancelled" });
    await expect(tool.exit).rejects.toMatchObject({ reason: "cancelled" });
    for (let wait = 0; isAlive(pid) && wait < 100; wait++) await pause(20);
    expect(isAlive(pid)).toBe(false);
  });

  test("is ended by a reader that leaves, and by disposing", async () => {
    const tool = await start("yes");
    for await (const _ of tool.stdout) break;
    await expect(tool.exit).rejects.toMatchObject({ reason: "cancelled" });
    const other = await start("sleep", "600");
    await other[Symbol.asyncDispose]();
    await expect(other.exit).rejects.toMatchObject({ reason: "cancelled" });
  });

  test("whose input fails does not take it for ended", async () => {
    async function* broken(): Bytes {
      yield Buffer.from("half");
      throw new Error("the source broke");
    }
    const tool = await localTool({ command: ["sh", "-c", "cat; sleep 600"], stdin: broken(), signal: never });
    await expect(textOf(tool, { tool: "cat" })).rejects.toThrow("the source broke");
  });
});
