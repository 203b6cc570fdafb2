import { BackupError, type ContainerInfo, type DatabaseAdapter } from "@sutazai/backup-core";
import type { SystemParts } from "../context.ts";

/** Makes the adapter of a configured database for another container, under another name. */
export type AdapterIn = (database: string, container: ContainerInfo, name: string) => DatabaseAdapter;

/**
 * `redis@staging-redis`: the container `staging-redis`, as one that the database `redis` is restored into. Locks, journal and safety backups go by this name,
 * and the next process finds by it alone who settles what a dead one left.
 */
function nameIn(database: string, container: string): string {
  return `${database}@${container}`;
}

/** The other container, as a database of the same kind and settings. Throws `not-found` with the names that look like it. */
export async function targetIn(parts: SystemParts, database: string, reference: string): Promise<DatabaseAdapter> {
  if (parts.adapterIn === undefined) {
    throw new BackupError("configuration", "this system does not know how to reach a database in another container", {
      operation: "restore.into",
      database,
      hint: "give `adapterIn` to `createBackupSystem`, or add the container as a database and restore the backup by its id",
    });
  }
  const container = await parts.containers.inspect(reference);
  return parts.adapterIn(database, container, nameIn(database, container.name));
}

/** The target of that name; undefined for a name that is none. */
export function targetNamed(parts: SystemParts, target: string): Promise<DatabaseAdapter> | undefined {
  const database = [...parts.databases.keys()].find((name) => target.startsWith(nameIn(name, "")));
  if (database === undefined || parts.adapterIn === undefined) return undefined;
  return targetIn(parts, database, target.slice(nameIn(database, "").length));
}
