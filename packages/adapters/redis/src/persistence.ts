import { BackupError, type ContainerInfo } from "@sutazai/backup-core";
import type { Server } from "./server.ts";

/** Where the server keeps its data, as it says itself. */
export interface Persistence {
  /** Absolute, within the container. */
  readonly directory: string;
  readonly rdbFile: string;
  /** Whether it keeps an append-only file: that wins over the RDB file at every start. */
  readonly appendOnly: boolean;
  readonly aofFile: string;
  /** Within `directory`; undefined before Redis 7, where the append-only file is a single one. */
  readonly aofDirectory: string | undefined;
}

export async function persistenceOf(server: Server, database: string): Promise<Persistence> {
  const settings = await server.settings("dir", "dbfilename", "appendonly", "appendfilename", "appenddirname");
  const { dir, dbfilename, appendonly, appendfilename, appenddirname } = settings;
  if (dir === undefined || dbfilename === undefined) {
    throw new BackupError("unsupported", "the server does not tell where it keeps its data", {
      operation: "redis.settings",
      database,
      hint: "let this user run CONFIG GET; where CONFIG is renamed, give its name in the setting `commands`",
    });
  }
  return {
    directory: dir,
    rdbFile: dbfilename,
    appendOnly: appendonly === "yes",
    aofFile: appendfilename ?? "appendonly.aof",
    aofDirectory: appenddirname,
  };
}

/** Whether a path of the container lies on something mounted that a sidecar can mount as well. */
export function isOnVolume(container: ContainerInfo, path: string): boolean {
  const mount = container.mounts
    .filter(({ destination }) => path === destination || path.startsWith(`${destination.replace(/\/$/, "")}/`))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
  return mount?.type === "volume" || mount?.type === "bind";
}
