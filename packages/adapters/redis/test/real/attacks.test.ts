// A snapshot that lies on the disk is no backup: it has to be the one that was just asked for.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dockerRuntime, standaloneContext } from "@sutazai/backup-containers";
import type { ContainerRuntime } from "@sutazai/backup-core";
import {
  connectRedis,
  faultyTools,
  MemoryBackup,
  startServer,
  type TestServer,
  type ToolFault,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { redisAdapter, type RedisOptions } from "../../src/index.ts";

let server: TestServer;
let stateDirectory: string;
beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "redis-attacks-"));
  server = await startServer("redis", { arguments: ["--appendonly", "yes", "--save", ""] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(stateDirectory, { recursive: true, force: true });
});

async function redis(...command: readonly [string, ...string[]]): Promise<unknown> {
  await using connection = await connectRedis(server);
  return connection.client.call(...command);
}

async function shell(script: string): Promise<void> {
  expect(await server.exec(["sh", "-c", script])).toMatchObject({ exitCode: 0 });
}

async function backUp(
  forms: NonNullable<RedisOptions["forms"]>,
  backup: MemoryBackup = new MemoryBackup(),
  containers: ContainerRuntime = dockerRuntime(),
): Promise<MemoryBackup> {
  const adapter = redisAdapter({ container: server.name, password: server.password, forms });
  await using context = await standaloneContext(adapter, { stateDirectory, containers });
  const startedAt = new Date();
  return backup.seal(adapter, await adapter.backup(context, backup), startedAt);
}

test.each(["rdb", "aof"] as const)(
  "what cannot be saved is not backed up from what was saved before: %s",
  async (form) => {
    await redis("SET", "key", "old");
    await redis("SAVE");
    await shell("touch -d '1 day ago' /data/dump.rdb");
    await redis("SET", "key", "new");
    // The server writes to a file of another name first.
    await shell("chown 0:0 /data /data/appendonlydir && chmod 555 /data /data/appendonlydir");
    const backup = new MemoryBackup();
    try {
      await expect(backUp([form], backup)).rejects.toMatchObject({ reason: "tool-failed", database: "redis" });
      expect([...backup.artifacts.keys()]).toEqual([]);
    } finally {
      await shell("chown redis /data /data/appendonlydir && chmod 755 /data /data/appendonlydir");
    }
    const { manifest } = await backUp([form]);
    expect(manifest.status).toBe("ok");
  },
);

test("a snapshot of yesterday in the place of the one just saved is refused, though it has as many keys", async () => {
  await redis("FLUSHALL");
  await redis("SET", "key", "old");
  await redis("SAVE");
  await shell("cp /data/dump.rdb /data/yesterday.rdb");
  await redis("SET", "key", "new");
  // It tells the second in which it was made, and no less.
  await sleep(2_500);
  const stale: ToolFault = { script: "cat /data/yesterday.rdb", copy: (content) => content };
  const attempt = backUp(
    ["rdb"],
    new MemoryBackup(),
    faultyTools(dockerRuntime(), () => stale),
  );
  await expect(attempt).rejects.toMatchObject({
    reason: "mismatch",
    database: "redis",
    message: expect.stringContaining("an old one, made at"),
  });
  expect((await backUp(["rdb"])).manifest.status).toBe("ok");
});
