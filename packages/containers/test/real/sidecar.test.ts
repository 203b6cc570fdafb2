import { createHash, randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { assertSucceeded, outputOf, textOf, type Bytes } from "@sutazai/backup-core";
import { dockerRuntime } from "@sutazai/backup-containers";
import { describe, expect, test } from "vitest";
import { baseImage, docker, named, never, runtime, startBase, until, zeros } from "./ground.ts";

const imageId = (await docker.getImage(baseImage).inspect()).Id;
const spec = (purpose: string, command: readonly string[]) => ({ image: imageId, purpose, command, signal: never });
const mebibyte = 1024 * 1024;

describe("a sidecar's output", () => {
  test("comes whole and is followed by the exit code", async () => {
    const tool = await runtime.sidecar(spec("whole", ["sh", "-c", "echo out; echo err >&2; exit 7"]));
    const chunks: Uint8Array[] = [];
    for await (const chunk of tool.stdout) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("out\n");
    expect(await tool.exit).toEqual({ code: 7, outOfMemory: false, stderr: "err\n" });
    expect(await named("whole")).toEqual([]);
  });

  test("need not be read where it is small", async () => {
    const tool = await runtime.sidecar(spec("unread", ["echo", "out"]));
    expect((await tool.exit).code).toBe(0);
    expect(await textOf(tool, { tool: "echo" })).toBe("out\n");
  });

  test("waits for a slow reader instead of filling memory", async () => {
    const total = 300 * mebibyte;
    const before = process.memoryUsage.rss();
    let peak = before;
    let read = 0;
    const digest = createHash("sha256");
    const command = ["dd", "if=/dev/zero", "bs=8192", `count=${total / 8192}`];
    const tool = await runtime.sidecar(spec("slow", command));
    let pauses = 0;
    for await (const chunk of outputOf(tool, { tool: "dd" })) {
      read += chunk.length;
      digest.update(chunk);
      if (read > pauses * 10 * mebibyte) {
        pauses++;
        await pause(20);
        peak = Math.max(peak, process.memoryUsage.rss());
      }
    }
    const expected = createHash("sha256");
    for await (const chunk of zeros(total)) expected.update(chunk);
    expect(read).toBe(total);
    expect(digest.digest("hex")).toBe(expected.digest("hex"));
    expect(peak - before).toBeLessThan(100 * mebibyte);
  });

  test("an unread tool blocks, and can be disposed", async () => {
    const tool = await runtime.sidecar(spec("blocked", ["yes"]));
    await pause(1500);
    const before = process.memoryUsage.rss();
    await pause(500);
    expect(process.memoryUsage.rss() - before).toBeLessThan(20 * mebibyte);
    await tool[Symbol.asyncDispose]();
    expect(await named("blocked")).toEqual([]);
    await expect(tool.exit).rejects.toMatchObject({ reason: "cancelled" });
  });

  test("a reader that leaves early ends the tool", async () => {
    const tool = await runtime.sidecar(spec("early", ["yes"]));
    for await (const chunk of tool.stdout) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await named("early")).toEqual([]);
  });

  test("standard error is kept to its last 64 KiB", async () => {
    const script = "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done";
    const tool = await runtime.sidecar(spec("stderr", ["sh", "-c", script]));
    const { stderr, code } = await tool.exit;
    expect(code).toBe(0);
    expect(stderr.length).toBe(64 * 1024);
    expect(stderr.endsWith("line 19999\n")).toBe(true);
  });
});

describe("a sidecar's input", () => {
  test("of 100 MB comes back as it went in", async () => {
    const blocks = Array.from({ length: 16 }, () => randomBytes(256 * 1024));
    const sent = createHash("sha256");
    async function* source(): Bytes {
      for (let index = 0; index < 400; index++) {
        const block = blocks[index % blocks.length] as Uint8Array;
        sent.update(block);
        yield block;
      }
    }
    const tool = await runtime.sidecar({ ...spec("echo", ["cat"]), stdin: source() });
    const received = createHash("sha256");
    let length = 0;
    for await (const chunk of outputOf(tool, { tool: "cat" })) {
      received.update(chunk);
      length += chunk.length;
    }
    expect(length).toBe(400 * 256 * 1024);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  });

  test("that fails kills the tool before it can take it for ended", async () => {
    const server = await startBase(["sleep", "300"], { Volumes: { "/data": {} } });
    await using _ = server;
    async function* source(): Bytes {
      yield Buffer.from("half of it");
      await pause(500);
      throw new Error("the source broke");
    }
    const command = ["sh", "-c", "cat >/data/part; echo complete >/data/complete"];
    const tool = await runtime.sidecar({ ...spec("broken", command), stdin: source(), volumesOf: server.id });
    await expect(tool.exit).rejects.toThrow("the source broke");
    expect(await named("broken")).toEqual([]);
    const list = await runtime.sidecar({ ...spec("look", ["ls", "/data"]), volumesOf: server.id });
    expect(await textOf(list, { tool: "ls" })).toBe("part\n");
  });

  test("may be left unread by a tool that ends well", async () => {
    const tool = await runtime.sidecar({ ...spec("head", ["head", "-c", "3"]), stdin: zeros(50 * mebibyte) });
    expect(await textOf(tool, { tool: "head" })).toBe("\0\0\0");
  });

  test("that hangs does not keep the exit of the tool", async () => {
    async function* source(): Bytes {
      yield Buffer.from("x");
      await new Promise(() => undefined);
    }
    const tool = await runtime.sidecar({ ...spec("hang", ["head", "-c", "1"]), stdin: source() });
    expect((await tool.exit).code).toBe(0);
  });
});

describe("a sidecar's end", () => {
  test("an abort kills the tool and removes the container", async () => {
    const abort = new AbortController();
    const tool = await runtime.sidecar({ ...spec("abort", ["sleep", "600"]), signal: abort.signal });
    const reading = textOf(tool, { tool: "sleep" });
    setTimeout(() => abort.abort(), 300);
    await expect(reading).rejects.toMatchObject({ reason: "cancelled" });
    await expect(tool.exit).rejects.toMatchObject({ reason: "cancelled" });
    expect(await named("abort")).toEqual([]);
  });

  test("one aborted while it is made leaves nothing", async () => {
    const abort = new AbortController();
    const starting = runtime.sidecar({ ...spec("unborn", ["sleep", "600"]), signal: abort.signal });
    abort.abort();
    const outcome = await starting.then((tool) => tool.exit).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ reason: "cancelled" });
    expect(await named("unborn")).toEqual([]);
  });

  test("a tool killed for want of memory is told apart", async () => {
    const small = dockerRuntime({ memoryLimit: 32 * mebibyte });
    const tool = await small.sidecar(spec("memory", ["perl", "-e", "$x = 'x' x 300_000_000; print length $x"]));
    const exit = await tool.exit;
    expect(exit).toMatchObject({ outOfMemory: true });
    expect(() => assertSucceeded(exit, { tool: "perl" })).toThrow("want of memory");
  });

  test("a tool that is not in the image has the shell's exit code", async () => {
    const tool = await runtime.sidecar(spec("missing", ["no-such-tool"]));
    expect(await tool.exit).toMatchObject({ code: 127, stderr: expect.stringContaining("no-such-tool") });
  });

  test("a tool killed by a signal has its exit code", async () => {
    const tool = await runtime.sidecar(spec("signal", ["sh", "-c", "kill -9 $$"]));
    expect((await tool.exit).code).toBe(137);
  });

  test("an image that is not there is not-found", async () => {
    const image = `sha256:${"0".repeat(64)}`;
    await expect(runtime.sidecar({ ...spec("image", ["true"]), image })).rejects.toMatchObject({
      reason: "not-found",
      hint: expect.stringContaining("image"),
    });
  });

  test("somebody else's removing it is an error, never a silent end", async () => {
    const tool = await runtime.sidecar(spec("robbed", ["sh", "-c", "echo first; sleep 600"]));
    const reading = textOf(tool, { tool: "sleep" });
    await until("it runs", async () => (await named("robbed"))[0]?.State === "running");
    const [container] = await named("robbed");
    await docker.getContainer(container?.Id ?? "").remove({ force: true });
    await expect(reading).rejects.toMatchObject({ reason: "tool-failed" });
  });
});

describe("what a sidecar may do", () => {
  test("it shares the network and the volumes of the server, and no more", async () => {
    const server = await startBase(["sleep", "300"], { Volumes: { "/data": {} }, User: "root" });
    await using _ = server;
    const prepare = {
      ...spec("prepare", ["sh", "-c", "echo mine >/data/file; chown 4711:4711 /data/file; chmod 600 /data/file"]),
      volumesOf: server.id,
    };
    assertSucceeded(await (await runtime.sidecar(prepare)).exit, { tool: "sh" });

    const read = { ...spec("read", ["cat", "/data/file"]), volumesOf: server.id, volumesReadOnly: true };
    expect(await textOf(await runtime.sidecar(read), { tool: "cat" })).toBe("mine\n");

    const write = { ...read, purpose: "write", command: ["touch", "/data/other"] };
    expect(await (await runtime.sidecar(write)).exit).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Read-only"),
    });

    const alone = await textOf(await runtime.sidecar(spec("alone", ["cat", "/proc/net/dev"])), { tool: "cat" });
    expect(alone).not.toContain("eth0");
    const shared = { ...spec("shared", ["cat", "/proc/net/dev"]), networkOf: server.id };
    expect(await textOf(await runtime.sidecar(shared), { tool: "cat" })).toContain("eth0");

    const capabilities = await textOf(await runtime.sidecar(spec("caps", ["grep", "CapEff", "/proc/self/status"])), {
      tool: "grep",
    });
    expect(capabilities).toMatch(/CapEff:\s+0+\n/);
    const user = { ...spec("user", ["id", "-u"]), user: "4711:4711" };
    expect(await textOf(await runtime.sidecar(user), { tool: "id" })).toBe("4711\n");
  });

  test("its secrets are in its environment and nowhere else", async () => {
    const tool = await runtime.sidecar({
      ...spec("secret", ["sh", "-c", "echo $WORD; sleep 600"]),
      environment: { WORD: "s3cr3t" },
    });
    await using _ = tool;
    for await (const chunk of tool.stdout) {
      expect(Buffer.from(chunk).toString()).toBe("s3cr3t\n");
      const [container] = await named("secret");
      expect(JSON.stringify(container)).not.toContain("s3cr3t");
      break;
    }
  });
});
