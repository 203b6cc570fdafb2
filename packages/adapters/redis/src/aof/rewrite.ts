import { BackupError } from "@sutazai/backup-core";
import { idle } from "../save.ts";
import { keyspaceOf, parseInfo, type Keyspace, type Server } from "../server.ts";

const attempts = 5;

/** Has the server rewrite its AOF and waits for this very rewrite. Returns what it counted at that moment. */
export async function rewrite(
  server: Server,
  signal: AbortSignal,
  database: string,
): Promise<{ readonly before: Keyspace; readonly after: Keyspace; readonly from: string }> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    await idle(server, signal);
    const from = new Date().toISOString();
    const started = await start(server);
    if (started === undefined) continue;
    const info = await idle(server, signal);
    if (info["aof_last_bgrewrite_status"] !== "ok" || info["aof_last_write_status"] !== "ok") {
      throw new BackupError("tool-failed", "BGREWRITEAOF failed", {
        operation: "redis.rewrite",
        database,
        hint: "look at the server's log and at the space in its data directory",
      });
    }
    return { ...started, from };
  }
  throw new BackupError("locked", `the server was busy saving ${attempts} times`, {
    operation: "redis.rewrite",
    database,
    hint: "run it again when fewer saves happen",
  });
}

async function start(server: Server): Promise<{ before: Keyspace; after: Keyspace } | undefined> {
  try {
    const [before, reply, after] = await server.pipeline([
      ["INFO", "keyspace"],
      ["BGREWRITEAOF"],
      ["INFO", "keyspace"],
    ]);
    if (!String(reply).includes("started")) return undefined;
    return { before: keyspaceOf(parseInfo(String(before))), after: keyspaceOf(parseInfo(String(after))) };
  } catch (error) {
    if (/already in progress|child process active|another child/i.test(String(error))) return undefined;
    throw error;
  }
}
