// A gigabyte and a million keys: everything comes back, and memory stays bounded. Takes a quarter of an hour.
import type { ChildProcess } from "node:child_process";
import { emptyPostgres, emptyRedis, fillPostgres, fillRedis, peakMemoryOf } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences, witness } from "../../../examples/demo/witness.ts";
import { finished, startPlatform, type Platform } from "../platform.ts";

const mebibyte = 2 ** 20;

describe("a gigabyte of PostgreSQL and a million keys of Redis", () => {
  let platform: Platform;
  let before: Map<string, string>;

  beforeAll(async () => {
    platform = await startPlatform();
    const { postgres, redis } = platform;
    await Promise.all([fillPostgres(postgres, { scale: 2 }), fillRedis(redis, { keys: 1_000_000 })]);
    const filled = await postgres.exec(["pgbench", "-U", postgres.user, "-i", "-q", "-s", "80", "postgres"]);
    expect(filled).toMatchObject({ exitCode: 0 });
    before = await witness(postgres, redis);
  }, 1_800_000);
  afterAll(() => platform[Symbol.asyncDispose]());

  const watched = async (child: ChildProcess) => {
    const [result, peak] = await Promise.all([finished(child), peakMemoryOf(child)]);
    return { ...result, peakMiB: peak / mebibyte };
  };

  test("are backed up and restored in less than 250 MB of memory, and come back whole", async () => {
    const backup = await watched(platform.start(["backup"]));
    expect(backup).toMatchObject({ code: 0 });
    await Promise.all([emptyPostgres(platform.postgres), emptyRedis(platform.redis)]);
    await platform.postgres.exec(["psql", "-U", platform.postgres.user, "-c", "DROP TABLE pgbench_accounts"]);
    const restore = await watched(platform.start(["restore", "all", "--force"]));
    expect(restore, restore.stderr).toMatchObject({ code: 0 });
    expect(differences(before, await witness(platform.postgres, platform.redis))).toEqual([]);
    console.log(`peak memory: backup ${backup.peakMiB.toFixed(0)} MiB, restore ${restore.peakMiB.toFixed(0)} MiB`);
    expect(Math.max(backup.peakMiB, restore.peakMiB)).toBeLessThan((250 * 10 ** 6) / mebibyte);
  }, 3_600_000);
});
