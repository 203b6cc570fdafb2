import { setTimeout as pause } from "node:timers/promises";
import { assertSucceeded, outputOf, textOf } from "@sutazai/backup-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { never, runtime, startBase, zeros } from "./ground.ts";

const mebibyte = 1024 * 1024;
let server: Awaited<ReturnType<typeof startBase>>;

beforeAll(async () => {
  // A server that tells of every child it loses: what ends in its process tree would be its own.
  const script = "$SIG{CHLD} = sub { print STDERR 'orphan' }; $SIG{TERM} = sub { exit 0 }; sleep 1 while 1";
  server = await startBase(["perl", "-e", script]);
});
afterAll(() => server[Symbol.asyncDispose]());

const spec = (command: readonly string[]) => ({ command, signal: never });

describe("a command in a running container", () => {
  test("has output, standard error and an exit code", async () => {
    const tool = await runtime.exec(server.id, spec(["sh", "-c", "echo out; echo err >&2; exit 7"]));
    const failure = textOf(tool, { tool: "sh" });
    await expect(failure).rejects.toThrow("ended with exit code 7: err");
    expect(await tool.exit).toEqual({ code: 7, outOfMemory: false, stderr: "err\n" });
  });

  test("takes input and gives it back", async () => {
    const tool = await runtime.exec(server.id, { ...spec(["cat"]), stdin: zeros(20 * mebibyte) });
    let length = 0;
    for await (const chunk of outputOf(tool, { tool: "cat" })) length += chunk.length;
    expect(length).toBe(20 * mebibyte);
  });

  test("runs as the given user, with the given environment", async () => {
    const tool = await runtime.exec(server.id, {
      ...spec(["sh", "-c", "id -u; echo $WORD"]),
      user: "4711",
      environment: { WORD: "told" },
    });
    expect(await textOf(tool, { tool: "sh" })).toBe("4711\ntold\n");
  });

  test.each([undefined, "4711"])("is really killed by an abort, and nothing else is (user %s)", async (user) => {
    const abort = new AbortController();
    const innocent = await runtime.exec(server.id, { ...spec(["sleep", "321"]), ...(user !== undefined && { user }) });
    const tool = await runtime.exec(server.id, {
      command: ["sleep", "654"],
      signal: abort.signal,
      ...(user !== undefined && { user }),
    });
    await pause(200);
    abort.abort();
    await expect(tool.exit).rejects.toMatchObject({ reason: "cancelled" });
    const running = JSON.stringify(((await server.top()) as { Processes: string[][] }).Processes);
    expect(running).not.toContain("sleep 654");
    expect(running).toContain("sleep 321");
    await innocent[Symbol.asyncDispose]();
    expect(JSON.stringify(await server.top())).not.toContain("sleep 321");
    expect((await server.inspect()).State.Running).toBe(true);
    expect((await server.logs({ stderr: true })).toString()).not.toContain("orphan");
  });

  test("a command that is not there fails", async () => {
    const tool = await runtime.exec(server.id, spec(["no-such-tool"]));
    const { code } = await tool.exit;
    expect(code).toBeGreaterThanOrEqual(126);
    expect(() => assertSucceeded({ code, outOfMemory: false, stderr: "" }, { tool: "no-such-tool" })).toThrow(
      "exit code",
    );
  });

  test("in a stopped container is refused with a hint", async () => {
    await using stopped = await startBase(["sleep", "300"]);
    await stopped.stop({ t: 0 });
    await expect(runtime.exec(stopped.id, spec(["true"]))).rejects.toMatchObject({
      reason: "connection",
      hint: expect.stringContaining("docker start"),
    });
  });

  test("a container that dies under it is no success", async () => {
    await using victim = await startBase(["sleep", "300"]);
    const tool = await runtime.exec(victim.id, spec(["sh", "-c", "echo begun; sleep 300"]));
    for await (const chunk of tool.stdout) {
      expect(Buffer.from(chunk).toString()).toBe("begun\n");
      await victim.kill();
    }
    expect((await tool.exit).code).not.toBe(0);
  });
});
