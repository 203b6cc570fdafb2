// Restores where something is in the way: servers that do not run or cannot be dumped, other targets, nobody to ask.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DatabaseRestoreResult } from "@sutazai/backup-core";
import {
  changeFaiss,
  changePostgres,
  changeRedis,
  connectPostgres,
  fillFaiss,
  fillPostgres,
  fillRedis,
  startServer,
  type TestServer,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { startPlatform, type Platform } from "./platform.ts";

let platform: Platform;
let original: Map<string, string>;

const docker = async (...words: string[]) => (await promisify(execFile)("docker", words)).stdout.trim();
const of = (kind: string, facts: ReadonlyMap<string, string>) =>
  new Map([...facts].filter(([name]) => name.startsWith(`${kind} `)));
const stateOf = (server: TestServer) => docker("inspect", "-f", "{{.State.Status}}", server.name);

beforeAll(async () => {
  platform = await startPlatform(["postgres", "redis", "faiss"]);
  await Promise.all([
    fillPostgres(platform.postgres, { scale: 0.1 }),
    fillRedis(platform.redis, { keys: 500 }),
    fillFaiss(platform.server("faiss")),
  ]);
  original = await witness(...platform.servers);
  expect(await platform.run(["backup"])).toMatchObject({ code: 0 });
});
afterAll(() => platform[Symbol.asyncDispose]());

async function restore(...words: string[]): Promise<{ code: number | null; result: DatabaseRestoreResult }> {
  const { code, lines, stderr } = await platform.json(["restore", ...words, "--force"]);
  const result = lines.find((line) => line.type === "restore-report")?.report.databases[0];
  if (result === undefined) throw new Error(stderr);
  return { code, result };
}

/** The raw files that a safety backup holds, by name. */
async function rawFiles(id: string): Promise<string[]> {
  const stored = await readdir(platform.environment["BACKUP_DIR"] ?? "", { recursive: true });
  return stored.flatMap((path) => path.split(`${id}/raw/`)[1] ?? []).filter((path) => path.endsWith(".zst"));
}

/** As `docs/format.md` says. */
async function putBackByHand(server: TestServer, id: string): Promise<void> {
  const store = platform.environment["BACKUP_DIR"] ?? "";
  const [file = ""] = (await readdir(store, { recursive: true })).filter(
    (path) => path.includes(`${id}/raw/`) && path.endsWith(".zst"),
  );
  const directory = `/${file.split("/raw/")[1]?.replace(/\.tar\.zst$/, "")}`;
  await server.stop();
  const script = `set -eo pipefail
image=$(docker inspect -f '{{.Image}}' ${server.name})
zstd -dc '${join(store, file)}' | docker run --rm -i --user 0:0 --volumes-from ${server.name} --entrypoint sh "$image" -c '
  cd ${directory} && find . -mindepth 1 -delete && tar -xpf -'`;
  await promisify(execFile)("bash", ["-c", script]);
  await server.start();
}

describe("a server that does not start any more", () => {
  test("redis: is restored on its files, which are kept as they are", async () => {
    const { redis } = platform;
    await changeRedis(redis);
    await redis.exec(["sh", "-c", "for file in /data/appendonlydir/*.base.rdb; do echo broken > $file; done"]);
    await redis.kill();
    await expect(redis.start()).rejects.toThrow();

    const plan = await platform.run(["restore", "redis", "--dry-run"]);
    expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining("which does not run") });
    const { code, result } = await restore("redis");
    expect(result).toMatchObject({
      state: "restored",
      warnings: expect.arrayContaining([expect.stringMatching(/raw files/)]),
    });
    expect(code).toBe(0);
    expect(await rawFiles(result.safetyBackup ?? "")).toEqual(["data.tar.zst"]);
    expect(differences(of("redis", original), await witness(redis))).toEqual([]);
    expect(await platform.run(["verify", "--backup", result.safetyBackup ?? ""])).toMatchObject({ code: 0 });
    expect(await platform.run(["restore", "redis", "--backup", result.safetyBackup ?? "", "--force"])).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("by hand"),
    });
  });

  test("redis: is left stopped, as it was, where the restore fails", async () => {
    const { redis } = platform;
    await redis.stop();
    const before = await docker("diff", redis.name);
    const { result } = await restore("redis", "--method", "online");
    expect(result).toMatchObject({ state: "untouched", error: { reason: "unsupported" } });
    expect([await stateOf(redis), await docker("diff", redis.name)]).toEqual(["exited", before]);
    await redis.start();
    expect(differences(of("redis", original), await witness(redis))).toEqual([]);
  });

  test("faiss: is restored on its files", async () => {
    const faiss = platform.server("faiss");
    await changeFaiss(faiss);
    await faiss.stop();
    const { code, result } = await restore("faiss");
    expect(result).toMatchObject({ state: "restored" });
    expect(code).toBe(0);
    await faiss.start();
    expect(differences(of("faiss", original), await witness(faiss))).toEqual([]);
  });

  test("postgres: is refused with the way out, and not touched", async () => {
    const { postgres } = platform;
    await postgres.stop();
    const { result } = await restore("postgres");
    expect(result).toMatchObject({
      state: "untouched",
      error: { reason: "connection", hint: expect.stringMatching(/docker start .*--into/) },
    });
    expect(result.safetyBackup).toBeUndefined();
    expect(await stateOf(postgres)).toBe("exited");
    await postgres.start();
  });
});

test("a server that runs and cannot be dumped: its raw files are the safety backup", async () => {
  const { postgres } = platform;
  await changePostgres(postgres);
  let file: string;
  {
    await using connection = await connectPostgres(postgres);
    await connection.client.query("CREATE TABLE lost AS SELECT 1");
    await connection.client.query("CHECKPOINT");
    file = (await connection.client.query("SELECT pg_relation_filepath('lost') AS path")).rows[0].path;
  }
  await postgres.exec(["sh", "-c", `rm "$PGDATA/${file}"`]);
  await postgres.restart();
  expect((await platform.run(["backup", "postgres"])).code).toBe(1);

  const { code, result } = await restore("postgres");
  expect(result).toMatchObject({
    state: "restored",
    warnings: expect.arrayContaining([expect.stringMatching(/raw files/)]),
  });
  expect(code).toBe(0);
  expect(await rawFiles(result.safetyBackup ?? "")).toHaveLength(1);
  expect(differences(of("postgres", original), await witness(postgres))).toEqual([]);
  expect((await platform.run(["show", result.safetyBackup ?? ""])).stdout).toContain("copy of the files (sigstop)");

  await putBackByHand(postgres, result.safetyBackup ?? "");
  {
    await using connection = await connectPostgres(postgres);
    expect((await connection.client.query("SELECT FROM pg_tables WHERE tablename = 'lost'")).rowCount).toBe(1);
  }
  expect(await restore("postgres")).toMatchObject({ code: 0, result: { state: "restored" } });
  expect(differences(of("postgres", original), await witness(postgres))).toEqual([]);
});

describe("into another container", () => {
  test("what is there is kept under its own name, and the database is left alone", async () => {
    await using staging = await startServer("redis");
    await fillRedis(staging, { keys: 7 });
    await changeRedis(platform.redis);
    const live = await witness(platform.redis);
    const name = `redis@${staging.name}`;
    const { result } = await restore("redis", "--into", staging.name);
    expect(result).toMatchObject({ database: name, state: "restored" });
    expect(differences(of("redis", original), await witness(staging))).toEqual([]);
    expect(differences(live, await witness(platform.redis))).toEqual([]);
    const kept = await platform.run(["list", name]);
    expect(kept.stdout).toMatch(new RegExp(`${result.safetyBackup}.*safety`));

    const back = await restore("redis", "--into", staging.name, "--backup", result.safetyBackup ?? "");
    expect(back.result).toMatchObject({ database: name, state: "restored" });
    expect((await witness(staging)).size).toBeLessThan(live.size + 1);
  });

  test("its credentials are those that it tells", async () => {
    await using staging = await startServer("postgres");
    const { result } = await restore("postgres", "--into", staging.name);
    expect(result).toMatchObject({ database: `postgres@${staging.name}`, state: "restored" });
    expect(differences(of("postgres", original), await witness(staging))).toEqual([]);
  });

  test("one that is not there, or for all at once, is refused", async () => {
    expect(await platform.run(["restore", "redis", "--into", "nowhere", "--force"])).toMatchObject({ code: 1 });
    expect(await platform.run(["restore", "all", "--into", platform.redis.name, "--force"])).toMatchObject({ code: 2 });
  });
});

test("where nobody can be asked it is refused, with the whole command to use", async () => {
  const words = ["restore", "postgres", "--only", "my db", "--no-safety-backup"];
  expect(await platform.run(words)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("sutazai-backup restore postgres --only 'my db' --no-safety-backup --force"),
  });
});

test("a plan shows the steps, versions, sizes and the time that restores took, and touches nothing", async () => {
  const before = await platform.run(["list"]);
  const { code, lines } = await platform.json(["restore", "all", "--dry-run"], {
    BACKUP_RESTORE_ORDER: "faiss,redis",
  });
  expect(code).toBe(0);
  const plan = lines.find((line) => line.type === "restore-plan");
  expect(plan?.databases.map(({ database }) => database)).toEqual(["faiss", "redis", "postgres"]);
  for (const { steps, backup, serverVersion, safetyBackup } of plan?.databases ?? []) {
    expect(steps.length).toBeGreaterThan(2);
    expect([backup?.serverVersion, serverVersion].every((version) => /\d|unknown/.test(version ?? ""))).toBe(true);
    expect(safetyBackup?.expectedBytes).toBeGreaterThan(0);
  }
  const postgres = plan?.databases.find(({ database }) => database === "postgres");
  expect(postgres?.expected).toMatchObject({ measured: { by: "restore" } });
  const text = await platform.run(["restore", "postgres", "--dry-run", "--no-safety-backup"]);
  expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining("NO SAFETY BACKUP") });
  expect(await platform.run(["list"])).toEqual(before);
});

test("of all, one that fails is named at the end, and the code is 3", async () => {
  await platform.postgres.stop();
  const { code, stdout } = await platform.run(["restore", "all", "--force"]);
  await platform.postgres.start();
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("NOT restored: postgres (untouched); restored: 2 of 3");
  expect(code).toBe(3);
});

test("a restore that was killed is told by what only looks, and settled by what changes something", async () => {
  const child = platform.start(["restore", "redis", "--force"]);
  const isFenced = Promise.withResolvers<void>();
  child.stderr?.on("data", (text: Buffer) => {
    if (String(text).includes("backing up the present state")) isFenced.resolve();
  });
  await isFenced.promise;
  child.kill("SIGKILL");
  const looks = await platform.run(["list"]);
  expect(looks.stderr).toMatch(
    /the restore of redis that process \d+ .* died\. Its last step was to .*make the server read-only.*recover/,
  );
  const kept = await readdir(join(platform.environment["BACKUP_STATE_DIR"] ?? "", "journal"));
  expect(kept.filter((name) => name.endsWith(".json"))).toHaveLength(1);
  const recovered = await platform.run(["recover"]);
  expect(recovered).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/warning: the restore of redis .* died/),
    stdout: expect.stringMatching(/undone; it is as it was before\n {2}- make the server read-only\n/),
  });
  expect(differences(of("redis", original), await witness(platform.redis))).toEqual([]);
});
