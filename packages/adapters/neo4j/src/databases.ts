import type { Server } from "./server.ts";

export const systemName = "system";

export interface DatabaseState {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

/** The databases of this server, `system` among them, one row each. Aliases and composites hold nothing of their own. */
export async function listDatabases(server: Server): Promise<DatabaseState[]> {
  const rows = await server.rows<{ name: string; type: string; currentStatus: string; statusMessage: string }>(
    systemName,
    "SHOW DATABASES YIELD name, type, currentStatus, statusMessage RETURN name, type, currentStatus, statusMessage ORDER BY name",
  );
  return rows
    .filter(({ type }) => type !== "composite")
    .map(({ name, currentStatus, statusMessage }) => ({ name, status: currentStatus, message: statusMessage }));
}

/** Those with graphs of users. */
export function userDatabases(states: readonly DatabaseState[]): DatabaseState[] {
  return states.filter(({ name }) => name !== systemName);
}
