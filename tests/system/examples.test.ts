// The programs in examples/ do what their first line says.
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fillPostgres, fillRedis } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finished, startPlatform, type Platform } from "./platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
  await Promise.all([fillPostgres(platform.postgres, { scale: 0.1 }), fillRedis(platform.redis, { keys: 500 })]);
});
afterAll(() => platform[Symbol.asyncDispose]());

function run(example: string, args: readonly string[]) {
  const program = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
  const env = {
    ...process.env,
    POSTGRES_PASSWORD: platform.postgres.password.reveal(),
    REDIS_PASSWORD: platform.redis.password.reveal(),
    XDG_STATE_HOME: join(platform.directory, "example-state"),
  };
  return finished(spawn(process.execPath, [program, ...args], { env, cwd: platform.directory }));
}

test("one adapter alone: a PostgreSQL server into files that psql reads", async () => {
  const directory = join(platform.directory, "files");
  const result = await run("one-adapter.ts", [platform.postgres.name, directory]);
  expect(result, result.stderr).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^PostgreSQL \d+.*: \d\d+ tables in /),
  });
  const files = await readdir(directory);
  expect(files).toEqual(expect.arrayContaining(["globals.sql", "databases%2Fplatform.sql"]));
  expect(await readFile(join(directory, "databases%2Fplatform.sql"), "utf8")).toContain(
    "PostgreSQL database dump complete",
  );
});

test("the sdk: a service that backs up its own databases", async () => {
  const result = await run("sdk.ts", [join(platform.directory, "sdk"), platform.postgres.name, platform.redis.name]);
  expect(result, result.stderr).toMatchObject({ code: 0 });
  expect(result.stdout.split("\n").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    "postgres ok",
    "redis ok",
    "",
  ]);
});
