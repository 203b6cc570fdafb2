// Drills through the real command line: every kind is proven, a drill that dies leaves nothing, and one that finds something says what.
import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import { Secret, textOf, type DatabaseAdapter, type DrillServer } from "@sutazai/backup-core";
import {
  createBackupSystem,
  faissAdapter,
  localStore,
  neo4jAdapter,
  postgresAdapter,
  qdrantAdapter,
  redisAdapter,
} from "@sutazai/backup-sdk";
import {
  connectNeo4j,
  fillFaiss,
  fillNeo4j,
  fillPostgres,
  fillQdrant,
  fillRedis,
  leftInDocker,
  type ServerKindName,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { finished, linesOf, startPlatform, type Platform } from "./platform.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";
/** A drill of Neo4j takes a minute. */
const kinds: readonly ServerKindName[] = [
  "postgres",
  "redis",
  ...(full ? (["neo4j"] as const) : []),
  "qdrant",
  "faiss",
];
const runtime = dockerRuntime();
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform(kinds);
  await Promise.all([
    fillPostgres(platform.postgres, { scale: 0.2 }),
    fillRedis(platform.redis, { keys: 2000 }),
    fillQdrant(platform.server("qdrant"), { points: 100 }),
    fillFaiss(platform.server("faiss"), { vectors: 500 }),
    ...(full ? [fillNeo4j(platform.server("neo4j"), { nodes: 200 })] : []),
  ]);
  expect(await platform.run(["backup"])).toMatchObject({ code: 0 });
});
afterAll(() => platform[Symbol.asyncDispose]());

async function drill(args: readonly string[], environment?: Readonly<Record<string, string>>) {
  const result = await platform.json(["verify", "--level", "restore", ...args], environment);
  const report = result.lines.find((line) => line.type === "drill-report")?.report;
  return { ...result, results: report?.databases ?? [] };
}

test("every kind is proven, what was found is noted beside its backup, and nothing is left", async () => {
  const child = platform.start(["verify", "--level", "restore", "--json"]);
  const { code, stdout } = await finished(child);
  expect(code, stdout).toBe(0);
  expect(await leftInDocker(child.pid)).toEqual([]);
  const report = linesOf(stdout).find((line) => line.type === "drill-report")?.report;
  expect(report?.databases.map(({ database, verdict }) => [database, verdict])).toEqual(
    kinds.map((kind) => [kind, "proven"]),
  );
  const list = await platform.run(["list"]);
  expect(list.stdout.match(/ restore \d{4}-\d\d-\d\d/g)).toHaveLength(kinds.length);

  const [{ backup, rto } = {}] = report?.databases ?? [];
  expect((rto?.backupCheckMs ?? 0) + (rto?.startUpMs ?? 0) + (rto?.restoreMs ?? 0) + (rto?.checkMs ?? 0)).toBe(rto?.ms);
  const show = await platform.json(["show", backup?.id ?? ""]);
  const [line] = show.lines as readonly { annotations?: { value: { level: string } }[] }[];
  expect(line?.annotations?.findLast(({ value }) => value.level === "restore")?.value).toMatchObject({
    ok: true,
    rto,
    madeBy: expect.stringContaining("sutazai-backup"),
    forms: [
      {
        name: "sql",
        afterRestart: "equal",
        serverVersion: expect.stringMatching(/^\d/),
        fingerprint: expect.objectContaining({ "database:platform/table:public.users": { exact: expect.any(String) } }),
        evidence: expect.arrayContaining([expect.stringContaining("after a restart")]),
      },
    ],
  });
});

test("a drill that is killed leaves its server, and the next command removes it; no database was touched", async () => {
  const before = await witness(...platform.servers);
  const child = platform.start(["verify", "--level", "restore", "redis"]);
  const end = finished(child);
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => chunk.toString().includes("stopping the server") && resolve());
    void end.then(() => resolve());
  });
  child.kill("SIGKILL");
  expect(await end).toMatchObject({ signal: "SIGKILL" });
  expect((await leftInDocker(child.pid)).join(" ")).toMatch(/container.*drill-redis.*network.*volume/);
  const recovered = await platform.json(["recover"]);
  expect(recovered).toMatchObject({ code: 0 });
  expect(recovered.lines.find((line) => line.type === "recover-report")).toMatchObject({ operations: [], running: [] });
  expect(await leftInDocker(child.pid)).toEqual([]);
  expect(differences(before, await witness(...platform.servers))).toEqual([]);
});

test("what cannot be tried is a failure, and says nothing about the backup", async () => {
  const gone = await drill(["redis"], { BACKUP_REDIS_DRILL_IMAGE: "sutazai-test/no-such-image:1" });
  expect(gone).toMatchObject({
    code: 1,
    results: [
      { verdict: "undecided", error: { reason: "not-found", hint: expect.stringContaining("drillImage") }, forms: [] },
    ],
  });
  const tight = await drill(["postgres"], { BACKUP_DRILL_MEMORY: "16m" });
  expect(tight).toMatchObject({
    code: 1,
    results: [{ verdict: "undecided", error: { message: expect.stringContaining("16 MiB of memory") } }],
  });
  const list = await platform.run(["list"]);
  expect(list.stdout).not.toContain("DAMAGED");
});

test("a backup is proven at once where that is asked for", async () => {
  const backup = await platform.json(["backup", "redis", "--prove"]);
  expect(backup).toMatchObject({ code: 0 });
  expect(backup.lines.find((line) => line.type === "backup-report")?.report.databases).toMatchObject([
    { status: "ok", backup: { verified: "restore" }, drill: { verdict: "proven", rto: { ms: expect.any(Number) } } },
  ]);
  const unproven = await platform.json(["backup", "redis", "--prove"], {
    BACKUP_REDIS_DRILL_IMAGE: "sutazai-test/no-such-image:1",
  });
  expect(unproven).toMatchObject({ code: 3 });
  expect(unproven.lines.find((line) => line.type === "backup-report")?.report.databases).toMatchObject([
    { status: "partial", backup: { verified: "structure" }, drill: { verdict: "undecided" } },
  ]);
});

test("shares go through every backup once, and say how much that is", async () => {
  const list = await platform.json(["list"]);
  const ids = (list.lines[0] as unknown as { backups: { id: string }[] }).backups.map(({ id }) => id);
  const seen: string[] = [];
  let told = 0;
  for (const number of [1, 2, 3]) {
    const run = await platform.json(["verify", "--all", "--level", "checksum", "--share", `${number}/3`]);
    expect(run).toMatchObject({ code: 0 });
    const lines = run.lines as unknown as readonly { type: string; id: string; backups: number; allBackups: number }[];
    const verified = lines.filter(({ type }) => type === "verified").map(({ id }) => id);
    const coverage = lines.find(({ type }) => type === "coverage");
    expect(coverage).toMatchObject({ share: { number, of: 3 }, backups: verified.length, allBackups: ids.length });
    told += coverage?.backups ?? 0;
    seen.push(...verified);
  }
  expect(told).toBe(ids.length);
  expect(seen.toSorted()).toEqual(ids.toSorted());
  expect(await platform.run(["verify", "--share", "4/3"])).toMatchObject({ code: 2 });
});

// A wrapped adapter restores as always, and one thing is changed in the throwaway server before it is compared.
describe("one thing changed in a restored copy is found, and named", () => {
  const inContainer = async (container: string, command: readonly string[], user = "root") => {
    const tool = await runtime.exec(container, { command, user, signal: AbortSignal.timeout(60_000) });
    await textOf(tool, { tool: command[0] ?? "" });
  };
  const cases: Readonly<
    Record<
      string,
      {
        readonly adapter: () => DatabaseAdapter;
        readonly change: (container: string, server: DrillServer) => Promise<void>;
        readonly names: RegExp;
      }
    >
  > = {
    postgres: {
      adapter: () => postgresAdapter({ container: platform.postgres.name, password: platform.postgres.password }),
      change: (container) =>
        inContainer(container, ["psql", "-v", "ON_ERROR_STOP=1", "-d", "platform", "-c", oneRow], "postgres"),
      names: /database:platform\/table:public\.users/,
    },
    redis: {
      adapter: () => redisAdapter({ container: platform.redis.name, password: platform.redis.password }),
      change: (container) =>
        inContainer(container, [
          "sh",
          "-c",
          `export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /sutazai-drill.conf); redis-cli APPEND large:0 x`,
        ]),
      names: /db:0\/persistent/,
    },
    qdrant: {
      adapter: () =>
        qdrantAdapter({ container: platform.server("qdrant").name, apiKey: platform.server("qdrant").password }),
      change: async (container, server) => {
        const { host, port } = await runtime.resolveAddress(await runtime.inspect(container), 6333);
        const headers = {
          "api-key": server.container.environment?.["QDRANT__SERVICE__API_KEY"] ?? "",
          "content-type": "application/json",
        };
        const ask = async (method: string, path: string, body: object) => {
          const url = `http://${host}:${port}/collections/articles/points${path}`;
          const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
          expect(answer.status, await answer.clone().text()).toBe(200);
          return (await answer.json()) as { result: { points: { vector: number[] }[] } };
        };
        const { result } = await ask("POST", "/scroll", { limit: 1, with_payload: true, with_vector: true });
        const points = result.points.map((point) => ({ ...point, vector: point.vector.with(0, 0.5) }));
        await ask("PUT", "?wait=true", { points });
      },
      names: /collection:articles\/content/,
    },
    faiss: {
      adapter: () => faissAdapter({ container: platform.server("faiss").name }),
      change: (container) =>
        inContainer(container, [
          "sh",
          "-c",
          "printf '\\252' | dd of=/sutazai-drill/articles.index bs=1 seek=1000 conv=notrunc",
        ]),
      names: /index:articles\.index/,
    },
    ...(full && {
      neo4j: {
        adapter: () =>
          neo4jAdapter({ container: platform.server("neo4j").name, password: platform.server("neo4j").password }),
        change: async (container, server) => {
          const [user = "", password = ""] = (server.container.environment?.["NEO4J_AUTH"] ?? "").split("/");
          const address = await runtime.resolveAddress(await runtime.inspect(container), 7687);
          await using connection = await connectNeo4j({ ...address, user, password: new Secret(password) });
          await connection.client.executeQuery("MATCH (n) WITH n LIMIT 1 SET n.changed = 1");
        },
        names: /database:neo4j\/nodes/,
      },
    }),
  };
  const oneRow = "UPDATE users SET email = email || 'x' WHERE id = (SELECT min(id) FROM users)";

  test.each(Object.entries(cases))("%s", async (kind, { adapter, change, names }) => {
    const system = createBackupSystem({
      databases: [changing(adapter(), change)],
      store: localStore({ path: join(platform.directory, `changed-${kind}`) }),
      stateDirectory: join(platform.directory, "state"),
    });
    expect((await system.backup()).status).toBe("ok");
    const report = await system.drill();
    expect(report.databases).toMatchObject([
      { status: "failed", verdict: "damaged", error: { reason: "mismatch", message: expect.stringMatching(names) } },
    ]);
    expect(await leftInDocker(process.pid)).toEqual([]);
    // Known as damaged from now on, though its bytes are what was recorded.
    expect((await system.verify()).map(({ ok }) => ok)).toEqual([true]);
    expect((await system.drill()).databases).toMatchObject([{ verdict: "undecided", error: { reason: "not-found" } }]);
  });
});

/** The adapter, but what its drills restore is changed directly afterwards. */
function changing(
  adapter: DatabaseAdapter,
  change: (container: string, server: DrillServer) => Promise<void>,
): DatabaseAdapter {
  const drill: DatabaseAdapter["drill"] = (manifest, form) => {
    const server = adapter.drill?.(manifest, form);
    if (server === undefined) throw new Error("it cannot be drilled");
    return {
      ...server,
      compare: async (context, container, source) => {
        await change(container, server);
        return server.compare(context, container, source);
      },
    };
  };
  return new Proxy(adapter, {
    get: (target, property) => {
      if (property === "drill") return drill;
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
