import { Client } from "pg";
import type { Connection, ServerAddress, ServerKind } from "./server-kind.ts";

export const postgresKind: ServerKind = {
  official: "docker.io/library/postgres:17.6",
  standIn: "17",
  port: 5432,
  dataDirectory: "/var/lib/postgresql/data",
  user: "postgres",
  environment: (password) => ({ POSTGRES_PASSWORD: password }),
  command: () => ["postgres"],
  async ask(address) {
    await using connection = await connectPostgres(address);
    await connection.client.query("SELECT 1");
  },
};

/** A client of a test server; disposing closes it. */
export async function connectPostgres(
  address: ServerAddress,
  database: string = "postgres",
): Promise<Connection<Client>> {
  const { host, port, user } = address;
  const client = new Client({ host, port, user, password: address.password.reveal(), database });
  // A server that is stopped under an idle connection is told by the next query; without a listener it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
