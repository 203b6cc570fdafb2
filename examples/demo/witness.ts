import { createHash } from "node:crypto";
import type { ChainableCommander, Redis } from "ioredis";
import { connectPostgres, connectRedis, type ServerAddress } from "@sutazai/backup-testkit";

/** Facts about what the databases hold, asked of them with plain client queries: independent of everything a backup does. */
export async function witness(postgres: ServerAddress, redis: ServerAddress): Promise<Map<string, string>> {
  return new Map([...(await askPostgres(postgres)), ...(await askRedis(redis))]);
}

/** What of `before` is not so any more. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...before].flatMap(([name, value]) =>
    after.get(name) === value ? [] : [`${name}: was ${value}, is ${after.get(name) ?? "gone"}`],
  );
}

async function askPostgres(server: ServerAddress): Promise<[string, string][]> {
  const facts: [string, string][] = [];
  for (const database of await rows<{ datname: string }>(
    server,
    "postgres",
    "SELECT datname FROM pg_database WHERE NOT datistemplate",
  )) {
    const tables = await rows<{ name: string }>(
      server,
      database.datname,
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    for (const { name } of tables) {
      const [sum] = await rows<{ count: string; digest: string }>(
        server,
        database.datname,
        `SELECT count(*) AS count, coalesce(sum(hashtextextended(t::text, 0)), 0) AS digest FROM ${name} AS t`,
      );
      facts.push([`postgres ${database.datname} ${name}`, `${sum?.count} rows, digest ${sum?.digest}`]);
    }
  }
  return facts;
}

async function rows<Row>(server: ServerAddress, database: string, query: string): Promise<Row[]> {
  await using connection = await connectPostgres(server, database);
  return (await connection.client.query(query)).rows as Row[];
}

async function askRedis(server: ServerAddress): Promise<[string, string][]> {
  await using connection = await connectRedis(server);
  const { client } = connection;
  const facts: [string, string][] = [
    ["redis functions", String(((await client.call("FUNCTION", "LIST")) as unknown[]).length)],
  ];
  for (let database = 0; database < 4; database += 1) {
    await client.select(database);
    const lines = new Set<string>();
    for await (const keys of client.scanBufferStream({ count: 2000 })) {
      for (const line of await describeKeys(client, keys as Buffer[])) lines.add(line);
    }
    const digest = createHash("sha256")
      .update([...lines].sort().join("\n"))
      .digest("hex")
      .slice(0, 16);
    facts.push([
      `redis database ${database} keys`,
      `${await client.dbsize()}, names, types, expiries and texts ${digest}`,
    ]);
  }
  return facts;
}

/** Name, type, time of expiry, and for a string its value: one line a key. */
async function describeKeys(client: Redis, keys: readonly Buffer[]): Promise<string[]> {
  const answersTo = async (ask: (pipeline: ChainableCommander, key: Buffer) => unknown, about: readonly Buffer[]) => {
    const pipeline = client.pipeline();
    for (const key of about) ask(pipeline, key);
    return ((await pipeline.exec()) ?? []).map(([, answer]) =>
      Buffer.isBuffer(answer) ? answer.toString("hex") : String(answer),
    );
  };
  const types = await answersTo((pipeline, key) => pipeline.type(key), keys);
  const expiries = await answersTo((pipeline, key) => pipeline.pexpiretime(key), keys);
  const texts = keys.filter((_, index) => types[index] === "string");
  const values = new Map(
    (await answersTo((pipeline, key) => pipeline.getBuffer(key), texts)).map((value, index) => [texts[index], value]),
  );
  return keys.map((key, index) => [key.toString("hex"), types[index], expiries[index], values.get(key)].join(" "));
}
