import { createHash } from "node:crypto";
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
    const lines: string[] = [];
    for await (const keys of client.scanBufferStream({ count: 2000 })) {
      const pipeline = client.pipeline();
      for (const key of keys as Buffer[]) {
        pipeline.type(key);
        pipeline.pexpiretime(key);
      }
      const answers = (await pipeline.exec()) ?? [];
      (keys as Buffer[]).forEach((key, index) =>
        lines.push([key.toString("hex"), answers[2 * index]?.[1], answers[2 * index + 1]?.[1]].join(" ")),
      );
    }
    const digest = createHash("sha256")
      .update([...new Set(lines)].sort().join("\n"))
      .digest("hex")
      .slice(0, 16);
    facts.push([`redis database ${database} keys`, `${await client.dbsize()}, names, types and expiries ${digest}`]);
  }
  return facts;
}
