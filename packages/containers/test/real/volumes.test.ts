import { textOf } from "@sutazai/backup-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { docker, never, runtime, startBase } from "./ground.ts";

const tag = `containers-test-volumes:${process.pid}`;
let image: string;

beforeAll(async () => {
  await using container = await startBase(["true"]);
  await container.commit({ repo: tag.split(":")[0], tag: tag.split(":")[1], changes: "VOLUME /data" });
  image = (await docker.getImage(tag).inspect()).Id;
});
afterAll(async () => {
  await docker.getImage(tag).remove({ force: true });
});

async function volumesOf(id: string): Promise<string[]> {
  const { Mounts } = await docker.getContainer(id).inspect();
  return Mounts.flatMap(({ Name }) => (Name === undefined ? [] : [Name]));
}

async function isThere(volume: string): Promise<boolean> {
  return docker
    .getVolume(volume)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

const spec = (command: readonly string[]) => ({ image, purpose: "volumes", command, signal: never });

test("a sidecar makes no volume of those that its image declares", async () => {
  const before = (await docker.listVolumes()).Volumes.length;
  const tool = await runtime.sidecar(spec(["sh", "-c", "echo x >/data/file; grep -c ' /data tmpfs' /proc/mounts"]));
  expect(await textOf(tool, { tool: "sh" })).toBe("1\n");
  expect((await docker.listVolumes()).Volumes.length).toBeLessThanOrEqual(before);
});

test("a sidecar never takes the server's anonymous volume with it, not even when the server has gone", async () => {
  await using server = await startBase(["sh", "-c", "echo precious >/data/file; sleep 300"], { Image: image });
  const [volume = ""] = await volumesOf(server.id);
  const tool = await runtime.sidecar({
    ...spec(["sh", "-c", "until [ -e /data/file ]; do sleep 0.1; done; sleep 1; cat /data/file"]),
    volumesOf: server.id,
  });
  await server.remove({ force: true, v: false });
  expect(await textOf(tool, { tool: "cat" })).toBe("precious\n");
  expect(await isThere(volume)).toBe(true);
  await docker.getVolume(volume).remove();
});

test("a sidecar can work on the volumes of a stopped server", async () => {
  await using server = await startBase(["sh", "-c", "echo kept >/data/file"], { Image: image });
  await server.wait();
  const tool = await runtime.sidecar({ ...spec(["cat", "/data/file"]), volumesOf: server.id, volumesReadOnly: true });
  expect(await textOf(tool, { tool: "cat" })).toBe("kept\n");
});

test("a lock and a throwaway server take their anonymous volumes with them", async () => {
  await using server = await startBase(["sleep", "300"]);
  const lock = await runtime.lock(server.id, image);
  const locks = await volumesOf(`sutazai-backup-lock-${server.id.slice(0, 12)}`);
  await lock[Symbol.asyncDispose]();
  const thrown = await runtime.throwaway(spec(["sleep", "300"]));
  const throwns = await volumesOf(thrown.id);
  await thrown[Symbol.asyncDispose]();
  expect([locks.length, throwns.length]).toEqual([1, 1]);
  for (const volume of [...locks, ...throwns]) expect(await isThere(volume)).toBe(false);
});
