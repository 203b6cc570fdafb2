import { setTimeout as delay } from "node:timers/promises";
import { BackupError } from "@sutazai/backup-core";
import { keyspaceOf, parseInfo, type Info, type Keyspace, type Server } from "./server.ts";

const pollInterval = 100;
const attempts = 5;

/** A snapshot that the server has just written to its disk. */
export interface Save {
  /** What `INFO keyspace` counted directly before and after the moment of the snapshot: equal, as a rule, even under writers. */
  readonly before: Keyspace;
  readonly after: Keyspace;
  /** `rdb_saves` after this save; undefined before Redis 7. */
  readonly count: number | undefined;
  /** By the server's clock, before it was asked to save: seconds since 1970. Undefined where it does not tell. */
  readonly askedAt: number | undefined;
  /** The moment of the snapshot lies between these. ISO 8601. */
  readonly from: string;
  readonly to: string;
}

/** Has the server save, and waits for this very save; one that runs already is waited for first. Throws `tool-failed` where it failed. */
export async function save(server: Server, signal: AbortSignal, database: string): Promise<Save> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = await idle(server, signal);
    const askedAt = await clock(server);
    const from = new Date().toISOString();
    const started = await start(server);
    if (started === undefined) continue;
    const to = new Date().toISOString();
    const after = await idle(server, signal);
    if (after["rdb_last_bgsave_status"] !== "ok") throw await failedSave(server, database);
    const count = countOf(after);
    const expected = countOf(before);
    if (count !== undefined && expected !== undefined && count !== expected + 1) continue;
    return { before: started.before, after: started.after, count, askedAt, from, to };
  }
  throw new BackupError("locked", `the server started other saves ${attempts} times while one was asked of it`, {
    operation: "redis.save",
    database,
    hint: "run it again when fewer saves happen: see the server's `save` points, and what else calls BGSAVE",
  });
}

async function clock(server: Server): Promise<number | undefined> {
  const { server_time_usec: microseconds } = await server.info("server");
  return microseconds === undefined ? undefined : Math.floor(Number(microseconds) / 1e6);
}

/** Whether the file of this save is certainly still the one on disk: nothing has been saved since, nothing is being saved. */
export async function isLatest(server: Server, { count }: Save): Promise<boolean> {
  const info = await server.info("persistence");
  return countOf(info) === count && info["rdb_bgsave_in_progress"] === "0";
}

/** Waits until the server neither saves nor rewrites its AOF. */
export async function idle(server: Server, signal: AbortSignal): Promise<Info> {
  for (;;) {
    const info = await server.info("persistence");
    const busy = [
      "rdb_bgsave_in_progress",
      "aof_rewrite_in_progress",
      "aof_rewrite_scheduled",
      "loading",
      "async_loading",
    ];
    if (busy.every((name) => (info[name] ?? "0") === "0")) return info;
    await delay(pollInterval, undefined, { signal });
  }
}

/** What a look at the server says of its saving: sentences for the operator. */
export async function savingTroubles(server: Server): Promise<string[]> {
  const info = await server.info("persistence");
  const warnings: string[] = [];
  if (info["rdb_last_bgsave_status"] === "err") {
    const settings = await server.settings("stop-writes-on-bgsave-error", "save");
    const refuses = settings["stop-writes-on-bgsave-error"] === "yes" && (settings["save"] ?? "") !== "";
    warnings.push(
      `the server's last save failed${refuses ? ", and it refuses writes (MISCONF)" : ""}: look at its log and at the space in its data directory`,
    );
  }
  if (info["aof_enabled"] === "1" && info["aof_last_write_status"] === "err") {
    warnings.push("the server cannot write its append-only file: look at the space in its data directory");
  }
  return warnings;
}

async function start(server: Server): Promise<{ before: Keyspace; after: Keyspace } | undefined> {
  try {
    const [before, reply, after] = await server.pipeline([["INFO", "keyspace"], ["BGSAVE"], ["INFO", "keyspace"]]);
    if (!String(reply).startsWith("Background saving started")) return undefined;
    return { before: keyspaceOf(parseInfo(String(before))), after: keyspaceOf(parseInfo(String(after))) };
  } catch (error) {
    // Somebody else was faster: wait for theirs, then start ours.
    if (/already in progress|child process active|another child/i.test(String(error))) return undefined;
    throw error;
  }
}

async function failedSave(server: Server, database: string): Promise<BackupError> {
  const [warning] = await savingTroubles(server).catch(() => []);
  const refuses = warning?.includes("MISCONF") === true;
  return new BackupError("tool-failed", `BGSAVE failed${refuses ? "; the server now refuses writes (MISCONF)" : ""}`, {
    operation: "redis.save",
    database,
    hint: "look at the server's log and at the space in its data directory; when there is room, BGSAVE makes it take writes again",
    details: { refusesWrites: refuses },
  });
}

function countOf(info: Info): number | undefined {
  const count = info["rdb_saves"];
  return count === undefined ? undefined : Number(count);
}
