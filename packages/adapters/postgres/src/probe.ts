import type { OperationContext, Probe } from "@sutazai/backup-core";
import { readDatabases, type DatabaseEntry } from "./catalog.ts";
import { open } from "./open.ts";
import type { PostgresOptions } from "./options.ts";

export async function probe(options: PostgresOptions, name: string, context: OperationContext): Promise<Probe> {
  await using access = await open(options, name, context);
  const { server, cluster, session } = access;
  const { chosen, closed } = chooseDatabases(await readDatabases(session), options);
  const sizes = chosen.map(({ size }) => size);
  return {
    version: cluster.version,
    resource: server.resource,
    container: server.container,
    sizeEstimate: sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    warnings: [
      ...closed.map((database) => closedReason(database)),
      ...(cluster.superuser
        ? []
        : [`"${cluster.user}" is not a superuser: it may be unable to read everything, and cannot restore`]),
      ...(cluster.standby ? ["the server is a standby: it can be backed up, but not restored into"] : []),
    ],
  };
}

/** What of a cluster is backed up, and what cannot be. */
export interface Choice {
  readonly chosen: readonly DatabaseEntry[];
  /** Databases that let nobody in, which pg_dumpall skips without a word. */
  readonly closed: readonly string[];
  /** Databases that pg_dump refuses because of their names. */
  readonly unnameable: readonly string[];
}

export function chooseDatabases(databases: readonly DatabaseEntry[], options: PostgresOptions): Choice {
  const wanted = databases.filter(
    ({ name }) => name !== "template0" && options.excludeDatabases?.includes(name) !== true,
  );
  const open = wanted.filter(({ allowsConnections }) => allowsConnections);
  return {
    chosen: open.filter(({ name }) => !/[\r\n]/.test(name)),
    closed: wanted.filter(({ allowsConnections }) => !allowsConnections).map(({ name }) => name),
    unnameable: open.filter(({ name }) => /[\r\n]/.test(name)).map(({ name }) => name),
  };
}

export function closedReason(database: string): string {
  return `database "${database}" allows no connections and cannot be dumped (allow them, or name it in \`excludeDatabases\`)`;
}
