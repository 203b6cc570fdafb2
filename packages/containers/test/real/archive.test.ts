import { createHash } from "node:crypto";
import { outputOf, textOf, type Bytes } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { never, runtime, startBase } from "./ground.ts";

test("an archive goes out of one container and into another, owners kept, running or stopped", async () => {
  await using from = await startBase([
    "sh",
    "-c",
    "mkdir -p /work/sub; head -c 50000000 /dev/urandom >/work/sub/file; chown 4711:4712 /work/sub/file; sleep 300",
  ]);
  await using to = await startBase(["sleep", "300"]);
  await runtime.start(from.id);
  const script = 'until [ "$(stat -c %u /work/sub/file 2>/dev/null)" = 4711 ]; do sleep 0.1; done';
  await textOf(await runtime.exec(from.id, { command: ["sh", "-c", script], signal: never }), { tool: "sh" });
  await to.stop({ t: 0 });

  await runtime.writeArchive(to.id, "/srv", runtime.readArchive(from.id, "/work", never), never);

  await to.start();
  const look = "cd $0; sha256sum sub/file; stat -c '%u:%g %s' sub/file";
  const seen = async (id: string, directory: string) =>
    textOf(await runtime.exec(id, { command: ["sh", "-c", look, directory], signal: never }), { tool: "sh" });
  const original = await seen(from.id, "/work");
  expect(original).toContain("4711:4712 50000000");
  expect(await seen(to.id, "/srv/work")).toBe(original);
});

test("a missing path, a failing source and an abort are errors", async () => {
  await using container = await startBase(["sleep", "300"]);
  const digest = createHash("sha256");
  const reading = (async () => {
    for await (const chunk of runtime.readArchive(container.id, "/no/such/path", never)) digest.update(chunk);
  })();
  await expect(reading).rejects.toMatchObject({ reason: "not-found" });

  async function* broken(): Bytes {
    yield new Uint8Array(512);
    throw new Error("the source broke");
  }
  await expect(runtime.writeArchive(container.id, "/srv", broken(), never)).rejects.toThrow("the source broke");

  const abort = new AbortController();
  const aborted = (async () => {
    for await (const _ of runtime.readArchive(container.id, "/usr", abort.signal)) abort.abort();
  })();
  await expect(aborted).rejects.toMatchObject({ reason: "cancelled" });

  const tool = await runtime.exec(container.id, { command: ["echo", "still here"], signal: never });
  let text = "";
  for await (const chunk of outputOf(tool, { tool: "echo" })) text += Buffer.from(chunk).toString();
  expect(text).toBe("still here\n");
});

test("a container that the daemon is silent about is a timeout, with a hint", async () => {
  await using container = await startBase(["sleep", "300"]);
  const abort = new AbortController();
  async function* stuck(): Bytes {
    yield new Uint8Array(1024).fill(1);
    await new Promise((resolve) => abort.signal.addEventListener("abort", resolve));
  }
  const writing = runtime.writeArchive(container.id, "/srv", stuck(), abort.signal);
  writing.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await expect(runtime.inspect(container.id)).rejects.toMatchObject({
    reason: "timeout",
    hint: expect.stringContaining("docker cp"),
  });
  abort.abort();
  await expect(writing).rejects.toMatchObject({ reason: "cancelled" });
  expect((await runtime.inspect(container.id)).state).toBe("running");
});
