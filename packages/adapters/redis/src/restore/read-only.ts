import type { OperationContext } from "@sutazai/backup-core";
import type { Server } from "../server.ts";
import type { Target } from "../target.ts";

export const readOnlyAction = "read-only";

const nobody = { host: "127.0.0.1", port: 1 };

/**
 * Keeps writers out: a replica of a master that does not exist serves reads, refuses writes, and removes no expired keys, so that
 * what is saved meanwhile stays the same. A restart ends it, too: it is not in the configuration.
 */
export async function makeReadOnly(context: OperationContext, target: Target, server: Server): Promise<void> {
  await context.journal.record({ part: target.database, action: readOnlyAction, data: {} });
  await followNobody(server);
}

export async function followNobody(server: Server): Promise<void> {
  await server.call("REPLICAOF", nobody.host, nobody.port);
}

/** Makes it a master again, if it follows nobody because of us; a temporary server's address counts as that. */
export async function liftReadOnly(server: Server): Promise<void> {
  const info = await server.info("replication");
  if (info["role"] === "slave" && info["master_host"] === nobody.host) await server.call("REPLICAOF", "NO", "ONE");
}
