import { BackupError, type Fingerprint } from "@sutazai/backup-core";
import { digestOf } from "@sutazai/backup-formats";
import { readGraph } from "./content/read-graph.ts";
import { listDatabases, systemName, userDatabases } from "./databases.ts";
import type { Server } from "./server.ts";

export interface ServerContent {
  readonly fingerprint: Fingerprint;
  /** `system` among them. */
  readonly databases: readonly string[];
  /** No node in any database, and no index or constraint but those that every database begins with. */
  readonly isEmpty: boolean;
}

/** The fact that `system` alone settles. */
export const usersFact = "users";

/** Everything that the server holds, over Bolt. Exact only where nobody writes meanwhile. Throws `connection` where a database is not online. */
export async function readContent(server: Server): Promise<ServerContent> {
  const states = await listDatabases(server);
  const offline = states.find(({ status }) => status !== "online");
  if (offline !== undefined) {
    throw new BackupError("connection", `the database ${offline.name} is ${offline.status}: ${offline.message}`, {
      operation: "neo4j.fingerprint",
      hint: "see the server's debug.log for what keeps it from starting",
    });
  }
  let fingerprint: Fingerprint = { [usersFact]: { exact: digestOf((await readUsers(server)).join("\n")) } };
  let isEmpty = true;
  for (const { name } of userDatabases(states)) {
    const graph = await readGraph(server, name);
    fingerprint = { ...fingerprint, ...graph.fingerprint };
    isEmpty &&= graph.isEmpty;
  }
  return { fingerprint, databases: states.map(({ name }) => name), isEmpty };
}

/** One line a user. Their passwords nobody can read. */
async function readUsers(server: Server): Promise<string[]> {
  type Row = {
    readonly user: string;
    readonly passwordChangeRequired: boolean | null;
    readonly suspended: boolean | null;
  };
  const users = await server.rows<Row>(
    systemName,
    "SHOW USERS YIELD user, passwordChangeRequired, suspended RETURN user, passwordChangeRequired, suspended",
  );
  return users.map(({ user, ...rest }) => JSON.stringify([user, rest.passwordChangeRequired, rest.suspended])).sort();
}
