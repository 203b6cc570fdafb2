import { BackupError } from "@sutazai/backup-core";
import { Redis } from "ioredis";
import type { Connection, ServerAddress, ServerKind } from "./server-kind.ts";

export const redisKind: ServerKind = {
  official: "docker.io/library/redis:8.2.1",
  standIn: "8",
  port: 6379,
  dataDirectory: "/data",
  user: "default",
  environment: () => ({}),
  command: (password) => ["redis-server", "--requirepass", password],
  async ask(address) {
    await using connection = await connectRedis(address);
    await connection.client.ping();
  },
};

/** A client of a test server that does not try again; disposing closes it. */
export async function connectRedis(address: ServerAddress, database: number = 0): Promise<Connection<Redis>> {
  const client = new Redis({
    host: address.host,
    port: address.port,
    password: address.password.reveal(),
    db: database,
    lazyConnect: true,
    connectTimeout: 5_000,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const loading = /^loading:1/m.test(await client.info("persistence"));
    if (loading) throw new BackupError("connection", "the server is still loading its data");
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client.quit().catch(() => undefined);
      client.disconnect();
    },
  };
}
