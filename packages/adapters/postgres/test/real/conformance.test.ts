import { connectPostgres, startServer, type SampleContent, type ServerAddress } from "@sutazai/backup-testkit";
import { adapterConformance, postgresContent } from "@sutazai/backup-testkit/conformance";
import { escapeIdentifier } from "pg";
import { postgresAdapter } from "../../src/index.ts";

adapterConformance({
  start: () => startServer("postgres"),
  adapter: ({ name, user, password }) => postgresAdapter({ container: name, user, password }),
  content: adapted(postgresContent()),
});

/**
 * A restore leaves alone what the backup does not have, so that "empty" is here: the databases and roles of the sample with nothing
 * in them. And a killed server skips values of sequences that it had fetched since its last checkpoint.
 */
function adapted(sample: SampleContent): SampleContent {
  let made: string[] | undefined;
  let hostile = false;
  const checkpoint = (server: ServerAddress) => run(server, ["CHECKPOINT"]);
  const fill = async (server: ServerAddress) => {
    hostile = false;
    await sample.empty(server);
    await sample.fill(server);
    await checkpoint(server);
  };
  return {
    ...sample,
    fill,
    async fillHostile(server) {
      hostile = true;
      await sample.empty(server);
      await sample.fillHostile(server);
    },
    async change(server) {
      await sample.change(server);
      await checkpoint(server);
    },
    async empty(server) {
      if (hostile) return sample.empty(server);
      if (made === undefined) {
        await fill(server);
        made = [
          ...(await names(server, "SELECT rolname AS name FROM pg_roles WHERE oid >= 16384")).map(
            (role) => `CREATE ROLE ${escapeIdentifier(role)}`,
          ),
          ...(await names(server, "SELECT datname AS name FROM pg_database WHERE oid >= 16384")).map(
            (database) => `CREATE DATABASE ${escapeIdentifier(database)} TEMPLATE template0`,
          ),
        ];
      }
      await sample.empty(server);
      await run(server, made);
    },
  };
}

async function run(server: ServerAddress, statements: readonly string[]): Promise<void> {
  await using connection = await connectPostgres(server);
  for (const statement of statements) await connection.client.query(statement);
}

async function names(server: ServerAddress, query: string): Promise<string[]> {
  await using connection = await connectPostgres(server);
  return (await connection.client.query<{ name: string }>(query)).rows.map(({ name }) => name);
}
