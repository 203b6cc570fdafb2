import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  BackupError,
  type ArtifactSource,
  type Bytes,
  type OperationContext,
  type RestoreFacts,
  type ToolProcess,
} from "@sutazai/backup-core";
import type { FormName } from "../options.ts";
import { persistenceOf, type Persistence } from "../persistence.ts";
import { idle, save } from "../save.ts";
import type { Server } from "../server.ts";
import { containerOf, type Target } from "../target.ts";
import { followNobody } from "./read-only.ts";
import { innerPort } from "./ready.ts";
import { stage } from "./stage.ts";
import { keepPresent, planSwap, swapAsJson, swappedAction, type Swap } from "./swap.ts";
import { validate } from "./validate.ts";

const pollInterval = 200;
/** With another port each: one may be taken. */
const attempts = 3;

/**
 * Loads the backup into a temporary server and makes the target its replica: the target serves its old content until it has the new one,
 * is read-only all along, and need not restart. Its old content is kept aside as files: undoing puts them back, with a restart.
 */
export async function restoreOnline(
  context: OperationContext,
  target: Target,
  server: Server,
  source: ArtifactSource,
  form: FormName,
): Promise<RestoreFacts> {
  const { containers, journal, signal } = context;
  const where = await persistenceOf(server, target.database);
  const swap = planSwap(containerOf(target), await innerPort(server, target), where, journal.id);
  await stage(context, target, source, form, where, swap);
  await save(server, signal, target.database);
  await keepPresent(containers, swap, where, signal);
  await journal.record({ part: target.database, action: swappedAction, data: swapAsJson(swap) });

  await replicate(context, target, server, form, where, swap);
  // The content stays, the fence as well; the temporary server is not needed any longer.
  await idle(server, signal);
  const validation = await validate(context, target, server, source, form);
  const info = await server.info("persistence");
  if (where.appendOnly && (info["aof_last_bgrewrite_status"] !== "ok" || info["aof_enabled"] !== "1")) {
    throw new BackupError("restore-failed", "the server did not write the restored content to its append-only file", {
      operation: "redis.restore",
      database: target.database,
      hint: "look at the server's log and at the space in its data directory",
    });
  }
  return {
    ...validation,
    evidence: [
      "while it could not be written to",
      where.appendOnly ? "saved to its RDB file and its append-only file" : "saved to its RDB file",
    ],
    warnings: [],
  };
}

async function replicate(
  context: OperationContext,
  target: Target,
  server: Server,
  form: FormName,
  where: Persistence,
  swap: Swap,
): Promise<void> {
  const { masterauth } = await server.settings("masterauth");
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(20_000, 60_000);
    await using temporary = await startTemporary(context, target, form, where, swap, port, masterauth);
    const lastLines = drain(temporary.stdout);
    let hasEnded = false;
    const end = temporary.exit.finally(() => (hasEnded = true));
    end.catch(() => undefined);
    await server.call("REPLICAOF", "127.0.0.1", port);
    if (await isSynchronized(context, server, () => hasEnded)) {
      await followNobody(server);
      return;
    }
    const log = await lastLines;
    if (attempt < attempts && log.includes("Address already in use")) continue;
    throw new BackupError(
      "restore-failed",
      `the temporary server ended: ${log.trim().split("\n").slice(-3).join("; ")}`,
      {
        operation: "redis.restore",
        database: target.database,
        hint: "restore with the method offline",
      },
    );
  }
}

/**
 * A server of the same image on the staged files, in the target's network, at a port of 127.0.0.1. As a sidecar: it ends when we do. For an RDB it only
 * reads; a server with an AOF wants to write one.
 */
function startTemporary(
  { containers, signal }: OperationContext,
  target: Target,
  form: FormName,
  where: Persistence,
  swap: Swap,
  port: number,
  masterPassword: string | undefined,
): Promise<ToolProcess> {
  const { id, imageId } = containerOf(target);
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    "protected-mode": "no",
    dir: `${swap.directory}/${swap.aside}/new`,
    dbfilename: where.rdbFile,
    save: "",
    appendonly: form === "aof" ? "yes" : "no",
    appendfilename: where.aofFile,
    ...(where.aofDirectory !== undefined && { appenddirname: where.aofDirectory }),
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
  };
  return containers.sidecar({
    image: imageId,
    purpose: "redis-restore",
    networkOf: id,
    volumesOf: id,
    volumesReadOnly: form === "rdb",
    user: "0:0",
    environment: {
      // What the target sends its master as a password has to be asked for: a server that asks for none refuses it.
      SETTINGS: masterPassword === undefined || masterPassword === "" ? "" : `requirepass ${quoted(masterPassword)}`,
    },
    command: [
      "sh",
      "-c",
      startScript,
      "server",
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    signal,
  });
}

const startScript = `server=$(command -v redis-server || command -v valkey-server) || exit 127
printf '%s\\n' "$SETTINGS" | "$server" - "$@"`;

/** Reads what a server logs, and gives the last of it when it has ended. */
async function drain(output: Bytes): Promise<string> {
  let tail = "";
  try {
    for await (const chunk of output) tail = (tail + Buffer.from(chunk).toString("utf8")).slice(-4096);
  } catch {
    // It was ended by us.
  }
  return tail;
}

/** As the server's configuration file quotes. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** Waits for the first full synchronisation; false where the temporary server has ended before. */
async function isSynchronized(
  { signal, progress }: OperationContext,
  server: Server,
  hasEnded: () => boolean,
): Promise<boolean> {
  progress({ step: "replicating from a temporary server" });
  for (;;) {
    const info = await server.info("replication", "persistence");
    const isUp = info["master_link_status"] === "up" && info["master_sync_in_progress"] === "0";
    if (isUp && (info["loading"] ?? "0") === "0" && (info["async_loading"] ?? "0") === "0") return true;
    if (hasEnded()) return false;
    await delay(pollInterval, undefined, { signal });
  }
}
