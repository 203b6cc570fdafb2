import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docker } from "../../src/docker.ts";
import {
  connectPostgres,
  connectRedis,
  emptyPostgres,
  emptyRedis,
  fillHostilePostgres,
  fillHostileRedis,
  fillPostgres,
  fillRedis,
  startServer,
  type TestServer,
} from "../../src/index.ts";

describe("a PostgreSQL for tests", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer("postgres");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const databases = async () => {
    await using connection = await connectPostgres(server);
    const { rows } = await connection.client.query(
      "SELECT datname AS name FROM pg_database WHERE NOT datistemplate ORDER BY 1",
    );
    return rows.map(({ name }) => name);
  };

  test("is filled with databases of many tables, and keeps them when killed", async () => {
    await fillPostgres(server, { scale: 0.05 });
    const { port } = server;
    await server.kill();
    await server.start();
    expect(server.port).toBe(port);
    expect(await databases()).toEqual(["jobs", "knowledge", "platform", "postgres"]);
    let tables = 0;
    for (const database of await databases()) {
      await using connection = await connectPostgres(server, database);
      const { rows } = await connection.client.query(
        "SELECT count(*)::int AS n FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^pg_|^information'",
      );
      tables += rows[0].n;
    }
    expect(tables).toBeGreaterThanOrEqual(40);
  });

  test("takes hostile names, and can be emptied", async () => {
    await fillHostilePostgres(server);
    expect(await databases()).toContain("line\nbreak");
    await emptyPostgres(server);
    expect(await databases()).toEqual(["postgres"]);
  });

  test("answers on the loopback address only, and asks for the password", async () => {
    const { NetworkSettings } = await (await docker()).getContainer(server.id).inspect();
    expect(NetworkSettings.Ports["5432/tcp"]).toEqual([{ HostIp: "127.0.0.1", HostPort: String(server.port) }]);
    const { Secret } = await import("@sutazai/backup-core");
    await expect(connectPostgres({ ...server, password: new Secret("wrong") })).rejects.toThrow(/password/);
  });
});

describe("a Redis for tests", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer("redis");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("is filled with the same keys for the same seed", async () => {
    const digest = async () => {
      await using connection = await connectRedis(server);
      const values = await connection.client.mget("embedding:0:7", "counter:0:11");
      return [await connection.client.info("keyspace").then((text) => text.replaceAll(/avg_ttl=\d+/g, "")), values];
    };
    await fillRedis(server, { keys: 5_000, seed: 7 });
    const first = await digest();
    await emptyRedis(server);
    await fillRedis(server, { keys: 5_000, seed: 7 });
    expect(await digest()).toEqual(first);
    expect(String(first[0])).toMatch(/db0:keys=35\d\d[^]*db3:keys=2\d\d/);
  });

  test("takes hostile names, and keeps its data over a restart", async () => {
    await fillHostileRedis(server);
    await server.restart();
    await using connection = await connectRedis(server);
    expect(await connection.client.get("line\nbreak\r\n")).toBe("line\nbreak\r\n");
    expect(await connection.client.get("")).toBe("");
  });
});

test("disposing a server removes its container and its volume", async () => {
  const engine = await docker();
  let name = "";
  {
    await using server = await startServer("redis");
    name = server.name;
    expect((await engine.getVolume(`${name}-data`).inspect()).Name).toBe(`${name}-data`);
  }
  await expect(engine.getContainer(name).inspect()).rejects.toMatchObject({ statusCode: 404 });
  await expect(engine.getVolume(`${name}-data`).inspect()).rejects.toMatchObject({ statusCode: 404 });
});

test("a server that cannot start is an error with its log, and nothing is left", async () => {
  const name = `sutazai-test-broken-${process.pid}`;
  await expect(startServer("redis", { name, arguments: ["--no-such-setting", "1"] })).rejects.toThrow(
    /no-such-setting/,
  );
  await expect((await docker()).getContainer(name).inspect()).rejects.toMatchObject({ statusCode: 404 });
});
