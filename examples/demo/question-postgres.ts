import { connectPostgres, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";

/** Rows and a digest of every table of every database, computed by the server. */
export async function questionPostgres(server: ServerAddress): Promise<DemoFact[]> {
  const facts: DemoFact[] = [];
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
      facts.push([`${database.datname} ${name}`, `${sum?.count} rows, digest ${sum?.digest}`]);
    }
  }
  return facts;
}

async function rows<Row>(server: ServerAddress, database: string, query: string): Promise<Row[]> {
  await using connection = await connectPostgres(server, database);
  return (await connection.client.query(query)).rows as Row[];
}
