import { textOf } from "@sutazai/backup-core";
import { expect, test, vi } from "vitest";
import { baseImage, docker, named, never, runtime, startBase, until, volumesNamed } from "./ground.ts";

const image = (await docker.getImage(baseImage).inspect()).Id;

test("a throwaway server gets its files, restarts, tells what it logged, and leaves nothing", async () => {
  await using source = await startBase([
    "sh",
    "-c",
    "mkdir -p /work; echo content >/work/file; touch /work/ready; sleep 300",
  ]);
  const wait = { command: ["sh", "-c", "until [ -e /work/ready ]; do sleep 0.1; done"], signal: never };
  await textOf(await runtime.exec(source.id, wait), { tool: "sh" });

  const server = await runtime.throwaway({
    image,
    purpose: "thrown",
    command: ["sh", "-c", "trap 'exit 0' TERM; cat /srv/work/file; echo $WORD; while :; do sleep 0.2; done"],
    environment: { WORD: "told" },
    memoryLimit: 64 * 1024 * 1024,
    files: { "/srv": runtime.readArchive(source.id, "/work", never) },
    signal: never,
  });
  await until("it logged", async () => (await server.logs()).includes("told"));
  expect(await server.logs()).toBe("content\ntold\n");
  const info = await server.inspect();
  expect(info.state).toBe("running");
  expect(info.networks[0]?.address).not.toBe("");
  expect((await docker.getContainer(server.id).inspect()).HostConfig.Memory).toBe(64 * 1024 * 1024);
  expect((await runtime.list()).map(({ id }) => id)).not.toContain(server.id);

  const before = info.startedAt;
  await server.restart();
  expect((await server.inspect()).startedAt).not.toBe(before);
  await until("it logged again", async () => (await server.logs()) === "content\ntold\ncontent\ntold\n");

  await server[Symbol.asyncDispose]();
  expect(await named("thrown")).toEqual([]);
  expect(await docker.listNetworks({ filters: { name: ["sutazai-thrown"] } })).toEqual([]);
});

test("one that cannot be started leaves nothing", async () => {
  const starting = runtime.throwaway({ image, purpose: "unstartable", command: ["/no/such/server"], signal: never });
  await expect(starting).rejects.toMatchObject({ reason: "tool-missing" });
  expect(await named("unstartable")).toEqual([]);
  expect(await docker.listNetworks({ filters: { name: ["sutazai-unstartable"] } })).toEqual([]);
});

test("its fresh volumes begin with what the image has there, outlive a restart, and go with it", async () => {
  const server = await runtime.throwaway({
    image,
    purpose: "fresh",
    command: [
      "sh",
      "-c",
      "touch /new/$(date +%N); ls /etc/passwd; ls /new | wc -l; sleep 300 & trap 'exit 0' TERM; wait",
    ],
    freshVolumes: ["/etc", "/new"],
    signal: never,
  });
  await until("it listed them", async () => (await server.logs()) === "/etc/passwd\n1\n");
  await server.restart();
  await until("it listed them again", async () => (await server.logs()) === "/etc/passwd\n1\n/etc/passwd\n2\n");
  expect(await volumesNamed("fresh")).toHaveLength(2);
  // A day ahead of the daemon: asked for what happens until then, it would wait for it.
  const ahead = Date.now() + 86_400_000;
  const clock = vi.spyOn(Date, "now").mockReturnValue(ahead);
  expect(await server.ranOutOfMemory()).toBe(false);
  expect(await runtime.now()).toBeLessThan(ahead - 80_000_000);
  clock.mockRestore();
  await server[Symbol.asyncDispose]();
  expect(await volumesNamed("fresh")).toEqual([]);
});

test("it tells that one of its processes was killed for want of memory, also where the server goes on", async () => {
  const greedy = `perl -e '$x = "x" x (1 << 30)' || true; echo survived; sleep 300`;
  await using server = await runtime.throwaway({
    image,
    purpose: "greedy",
    command: ["sh", "-c", greedy],
    memoryLimit: 64 * 1024 * 1024,
    signal: never,
  });
  await until("it went on", async () => (await server.logs()).includes("survived"));
  expect(await server.ranOutOfMemory()).toBe(true);
  expect((await server.inspect()).state).toBe("running");
});

test("it can share another container's network", async () => {
  await using server = await startBase(["sleep", "300"]);
  await using thrown = await runtime.throwaway({
    image,
    purpose: "shared",
    command: ["sleep", "300"],
    networkOf: server.id,
    signal: never,
  });
  expect((await thrown.inspect()).networkMode).toBe(`container:${server.id}`);
});
