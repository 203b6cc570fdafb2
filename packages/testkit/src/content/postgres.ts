import type { SampleContent } from "./sample-content.ts";
import { connectPostgres } from "../kinds/postgres.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { jobs, jobsRows, knowledge, knowledgeRows, platform, platformRows, roles } from "./postgres-platform.ts";

/** Databases of the sample content, with what is in each. */
const databases = { platform: [platform, platformRows], knowledge: [knowledge, knowledgeRows], jobs: [jobs, jobsRows] };

/**
 * Fills a fresh server with the databases of an AI platform: 3 databases, over 40 tables of every common type and
 * every common kind of object. The same scale gives the same rows: 0.1 is about a megabyte of dump, 100 about a gigabyte.
 */
export async function fillPostgres(server: ServerAddress, options: { readonly scale?: number } = {}): Promise<void> {
  await run(server, "postgres", roles);
  await Promise.all(
    Object.entries(databases).map(async ([name, [definitions = "", rows = ""]]) => {
      await createDatabase(server, name);
      await run(server, name, definitions);
      await run(server, name, rows.replaceAll("$1", String(options.scale ?? 1)));
    }),
  );
  await run(
    server,
    "postgres",
    "ALTER DATABASE knowledge SET default_text_search_config = 'pg_catalog.english'; COMMENT ON DATABASE jobs IS 'what is to be done'; ALTER DATABASE jobs CONNECTION LIMIT 80",
  );
}

const hostileNames = [
  "two words",
  `it's "quoted"`,
  "-rf",
  "select",
  "ünï-cödé-数据库",
  "back\\slash",
  "$(touch oops)`touch oops`",
  " leading and trailing ",
  "a/b/../c",
  "%s%n%41",
  "line\nbreak",
  "UPPER",
];

/** A server that is killed skips the values of sequences that it had fetched since its last checkpoint: what is there now is to survive that. */
async function checkpoint(server: ServerAddress): Promise<void> {
  await run(server, "postgres", "CHECKPOINT");
}

/** Databases, roles, schemas, tables, columns and values whose names break what quotes carelessly. */
export async function fillHostilePostgres(server: ServerAddress): Promise<void> {
  for (const name of hostileNames) {
    const quoted = identifier(name);
    await createDatabase(server, name);
    await run(
      server,
      "postgres",
      `CREATE ROLE ${quoted} LOGIN; ALTER DATABASE ${quoted} SET application_name = ${literal(name)}; COMMENT ON DATABASE ${quoted} IS ${literal(name)}`,
    );
    await run(
      server,
      name,
      `CREATE SCHEMA ${quoted} AUTHORIZATION ${quoted};
       CREATE TABLE ${quoted}.${quoted} (${quoted} text PRIMARY KEY);
       COMMENT ON TABLE ${quoted}.${quoted} IS ${literal(name)};
       INSERT INTO ${quoted}.${quoted} SELECT value FROM unnest(ARRAY[${[...hostileNames, "\\.", "\\N", "\\connect x", "--", ""].map(literal).join(", ")}]) AS value;
       CREATE FUNCTION ${quoted}.${quoted}() RETURNS text LANGUAGE sql AS ${literal(`SELECT ${literal(name)}`)};
       GRANT SELECT ON ${quoted}.${quoted} TO PUBLIC`,
    );
  }
}

/** Changes the sample content everywhere a restore has to put it back: rows, definitions, whole databases, roles. */
export async function changePostgres(server: ServerAddress): Promise<void> {
  await run(
    server,
    "platform",
    "UPDATE users SET display_name = 'changed' WHERE id % 3 = 0; DELETE FROM feedback; CREATE TABLE new_since_then (id int); INSERT INTO new_since_then VALUES (1); ALTER TABLE flags ADD COLUMN added int DEFAULT 7; DROP VIEW active_users",
  );
  await run(server, "jobs", "TRUNCATE runs; SELECT setval('runs_id_seq', 4711)");
  await run(server, "postgres", "DROP DATABASE IF EXISTS made_since_then");
  await run(server, "postgres", "CREATE DATABASE made_since_then");
  await run(server, "made_since_then", "CREATE TABLE t AS SELECT generate_series(1, 10) AS n");
}

/** One small write, as an application would make it; rejects where writers are kept out. */
export async function writePostgres(server: ServerAddress): Promise<void> {
  await run(server, "platform", "INSERT INTO feedback VALUES (1, 'written meanwhile')");
}

/** Removes every database and role of a user's: what a disaster, or `fillPostgres` before it ran, leaves. */
export async function emptyPostgres(server: ServerAddress): Promise<void> {
  await using connection = await connectPostgres(server);
  const { client } = connection;
  const found = await client.query<{ datname: string }>(
    "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> current_database()",
  );
  for (const { datname } of found.rows) await client.query(`DROP DATABASE ${identifier(datname)} WITH (FORCE)`);
  const others = await client.query<{ rolname: string }>(
    "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND rolname <> current_user",
  );
  for (const { rolname } of others.rows) await client.query(`DROP ROLE ${identifier(rolname)}`);
}

async function createDatabase(server: ServerAddress, name: string): Promise<void> {
  await run(server, "postgres", `CREATE DATABASE ${identifier(name)} TEMPLATE template0`);
}

/** Runs statements, in one transaction where there are several. */
async function run(server: ServerAddress, database: string, sql: string): Promise<void> {
  await using connection = await connectPostgres(server, database);
  await connection.client.query(sql);
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

async function settingsOfPostgres(server: ServerAddress): Promise<Record<string, string>> {
  await using connection = await connectPostgres(server);
  const { rows } = await connection.client.query<{ name: string; value: string }>(
    `SELECT name, setting AS value FROM pg_settings WHERE source NOT IN ('session', 'client', 'database')
     UNION ALL SELECT 'database ' || datname, datallowconn || ' ' || datconnlimit || ' ' || datistemplate FROM pg_database`,
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** The sample content for the conformance suite. */
export function postgresContent(options: { readonly scale?: number } = {}): SampleContent {
  return {
    async fill(server) {
      await fillPostgres(server, { scale: options.scale ?? 0.3 });
      await checkpoint(server);
    },
    fillHostile: fillHostilePostgres,
    async change(server) {
      await changePostgres(server);
      await checkpoint(server);
    },
    write: writePostgres,
    empty: emptyPostgres,
    settings: settingsOfPostgres,
  };
}
