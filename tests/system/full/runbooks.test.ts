// Every runbook that runbooks.test.ts leaves out, walked through as it is printed: the disaster is made here, the way out is the page's.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { dockerRuntime } from "@sutazai/backup-containers";
import { Secret } from "@sutazai/backup-core";
import { connectPostgres, fillPostgres, fillQdrant, fillRedis, type ServerAddress } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";
import { questionPostgres } from "../../../examples/demo/question-postgres.ts";
import { differences, witness } from "../../../examples/demo/witness.ts";
import { composeEnvironment } from "../compose.ts";
import { finished, startPlatform, type Platform } from "../platform.ts";
import { walkOn } from "../runbook-ground.ts";

const run = promisify(execFile);

async function backedUp(platform: Platform): Promise<Map<string, string>> {
  const held = await witness(...platform.servers);
  expect(await platform.run(["backup"])).toMatchObject({ code: 0 });
  return held;
}

test("everything lost", async () => {
  await using platform = await startPlatform(["postgres", "redis", "qdrant"]);
  const qdrant = platform.server("qdrant");
  await Promise.all([
    fillPostgres(platform.postgres, { scale: 0.1 }),
    fillRedis(platform.redis, { keys: 1000 }),
    fillQdrant(qdrant, { points: 100 }),
  ]);
  const before = await backedUp(platform);
  const store = platform.environment["BACKUP_DIR"] ?? "";
  const copy = join(platform.directory, "copy");
  await cp(store, copy, { recursive: true, preserveTimestamps: true });
  await rm(store, { recursive: true });
  for (const server of platform.servers) await server[Symbol.asyncDispose]();

  const compose = await composeEnvironment(join(platform.directory, "docker"));
  const password = (kind: "postgres" | "redis" | "qdrant") => platform.server(kind).password.reveal();
  const redis = platform.redis.name.replaceAll("-", "_").toUpperCase();
  const environment = {
    ...compose,
    POSTGRES_PASSWORD: password("postgres"),
    [`${redis}_REQUIREPASS`]: password("redis"),
    QDRANT__SERVICE__API_KEY: password("qdrant"),
  };
  try {
    await walkOn(platform, "everything-lost", {
      environment,
      names: { "/mnt/copy-of-backups": copy, SUTAZAI_REDIS: redis },
    });
    expect(differences(before, await witness(...platform.servers))).toEqual([]);
  } finally {
    const file = join(platform.directory, "walk", "platform", "compose.yaml");
    await run("docker", ["compose", "--file", file, "down", "--volumes"], { env: { ...process.env, ...environment } });
  }
});

test("a restore failed half-way", async () => {
  await using platform = await startPlatform(["redis"]);
  await fillRedis(platform.redis, { keys: 2000 });
  const before = await backedUp(platform);
  const child = platform.start(["restore", "redis", "--force"]);
  const end = finished(child);
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => chunk.toString().includes("starting the server") && resolve());
    void end.then(() => resolve());
  });
  child.kill("SIGKILL");
  expect(await end).toMatchObject({ signal: "SIGKILL" });
  await walkOn(platform, "restore-failed");
  expect(differences(before, await witness(platform.redis))).toEqual([]);
});

test("the disk is full", async () => {
  await using platform = await startPlatform(["redis"]);
  await fillRedis(platform.redis, { keys: 20_000 });
  const store = platform.environment["BACKUP_DIR"] ?? "";
  await mkdir(store, { mode: 0o700 });
  await run("mount", ["-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", store]);
  try {
    for (let count = 0; count < 4; count += 1) await backedUp(platform);
    const { bavail, bsize } = await statfs(store);
    await writeFile(join(store, "somebody-elses.log"), randomBytes(bavail * bsize - 200_000));
    await walkOn(platform, "disk-full");
    expect(await readdir(join(store, "redis"))).toHaveLength(3);
  } finally {
    await run("umount", [store]);
  }
});

test("a backup is corrupted", async () => {
  await using platform = await startPlatform(["redis"]);
  await fillRedis(platform.redis, { keys: 2000 });
  const before = await backedUp(platform);
  await flipOneByte(join(platform.environment["BACKUP_DIR"] ?? "", "redis"), "dump.rdb.zst");
  await walkOn(platform, "corrupted-backup");
  expect(differences(before, await witness(platform.redis))).toEqual([]);
});

test("credentials are forgotten", async () => {
  await using platform = await startPlatform(["postgres"]);
  const { postgres } = platform;
  await fillPostgres(postgres, { scale: 0.1 });
  await backedUp(platform);
  {
    await using admin = await connectPostgres(postgres);
    await admin.client.query(`ALTER ROLE ${postgres.user} PASSWORD 'nobody knows'`);
  }
  await expect(connectPostgres(postgres)).rejects.toThrow("authentication");
  const secrets = join(platform.directory, "etc");
  await walkOn(platform, "forgotten-credentials", { names: { "/etc/sutazai-backup": secrets } });
  const password = new Secret((await readFile(join(secrets, "postgres.password"), "utf8")).trim());
  await using found = await connectPostgres({ ...addressOf(postgres), password });
  expect((await found.client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("a database is upgraded", async () => {
  await using platform = await startPlatform(["postgres"]);
  const { postgres } = platform;
  await fillPostgres(postgres, { scale: 0.1 });
  const before = new Map(await questionPostgres(postgres));
  const environment = { POSTGRES_PASSWORD: postgres.password.reveal() };
  // A later version where somebody has one; the way is the same from one server to another of its own version.
  const next = process.env["BACKUP_TEST_POSTGRES_NEXT_IMAGE"] ?? postgres.image;
  try {
    await walkOn(platform, "upgrade", { environment, names: { "docker.io/library/postgres:17": next } });
    const runtime = dockerRuntime();
    const address = await runtime.resolveAddress(await runtime.inspect(postgres.name), 5432);
    const held = await questionPostgres({ ...addressOf(postgres), ...address });
    expect(new Map(held)).toEqual(before);
  } finally {
    // By then the new one may have the name of the old one, which is removed by its id.
    const made = await run("docker", ["ps", "--all", "--quiet", "--filter", `volume=${postgres.name}-new-data`]);
    for (const id of made.stdout.split("\n").filter((line) => line !== "")) await run("docker", ["rm", "--force", id]);
    await run("docker", ["volume", "rm", "--force", `${postgres.name}-new-data`]);
  }
});

test("the quarterly exercise", async () => {
  await using platform = await startPlatform(["postgres", "redis", "qdrant"]);
  await Promise.all([
    fillPostgres(platform.postgres, { scale: 0.1 }),
    fillRedis(platform.redis, { keys: 1000 }),
    fillQdrant(platform.server("qdrant"), { points: 100 }),
  ]);
  const before = await backedUp(platform);
  await walkOn(platform, "quarterly-exercise");
  expect(differences(before, await witness(...platform.servers))).toEqual([]);
});

function addressOf({ host, port, user, password }: ServerAddress): ServerAddress {
  return { host, port, user, password };
}

/** In the middle of an artifact of the newest backup. */
async function flipOneByte(folder: string, artifact: string): Promise<void> {
  const newest = (await readdir(folder)).sort().at(-1) ?? "";
  const path = join(folder, newest, artifact);
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
