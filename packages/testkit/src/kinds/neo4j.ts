import { BackupError } from "@sutazai/backup-core";
import neo4j, { type Driver } from "neo4j-driver";
import type { Connection, ServerAddress, ServerKind } from "./server-kind.ts";

export const neo4jKind: ServerKind = {
  official: "docker.io/library/neo4j:2026.08.1",
  standIn: "2026.08",
  standInIs: "the real server, built here from its jars in Maven Central",
  port: 7687,
  dataDirectory: "/data",
  user: "neo4j",
  environment: (password) => ({ NEO4J_AUTH: `neo4j/${password}` }),
  command: () => ["neo4j"],
  async ask(address) {
    await using connection = await connectNeo4j(address);
    const { records } = await connection.client.executeQuery(
      "SHOW DATABASES YIELD name, currentStatus WHERE currentStatus <> 'online' RETURN name",
      {},
      { database: "system" },
    );
    if (records.length > 0) throw new BackupError("connection", "a database is not online yet");
    await connection.client.executeQuery("MATCH (n) RETURN count(n)");
  },
};

/** A client of a test server that does not try again; disposing closes it. */
export function connectNeo4j({ host, port, user, password }: ServerAddress): Promise<Connection<Driver>> {
  const client = neo4j.driver(`bolt://${host}:${port}`, neo4j.auth.basic(user, password.reveal()), {
    useBigInt: true,
    connectionTimeout: 5_000,
    maxTransactionRetryTime: 0,
    telemetryDisabled: true,
  });
  return Promise.resolve({ client, [Symbol.asyncDispose]: () => client.close() });
}
