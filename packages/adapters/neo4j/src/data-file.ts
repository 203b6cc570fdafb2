import { BackupError, type Bytes } from "@sutazai/backup-core";
import { readTar, type TarEntry } from "@sutazai/backup-formats";

/** What the data directory of a server consists of. */
const parts = ["databases", "transactions", "dbms", "server_id"];

/**
 * Passes on what belongs to the store of a data directory's archive. At its end each database must have had both files and transaction logs: without its logs
 * a server never says why it does not start. Throws `corrupt`.
 */
export async function* readDataDirectory(tar: Bytes, databases: readonly string[]): AsyncGenerator<TarEntry> {
  const missing = new Set(databases.flatMap((name) => [`databases/${name}`, `transactions/${name}`]));
  for await (const entry of readTar(tar)) {
    const [part = "", name = ""] = entry.name.split("/");
    if (entry.name !== "." && !parts.includes(part)) continue;
    if (entry.type === "file" && entry.size > 0) missing.delete(`${part}/${name}`);
    yield entry;
  }
  if (missing.size === 0) return;
  throw new BackupError("corrupt", `the archive of the data directory lacks ${[...missing].join(", ")}`, {
    operation: "neo4j.data",
    hint: "use another backup (`sutazai-backup list`)",
  });
}
