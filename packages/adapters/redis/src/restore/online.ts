import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  BackupError,
  type ArtifactSource,
  type OperationContext,
  type RestoreFacts,
  type ThrowawayContainer,
} from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import type { FormName } from "../options.ts";
import { persistenceOf, type Persistence } from "../persistence.ts";
import { idle, save } from "../save.ts";
import type { Server } from "../server.ts";
import { containerOf, type Target } from "../target.ts";
import { newFiles } from "./new-files.ts";
import { followNobody } from "./read-only.ts";
import { keepPresent, planSwap, stagedAction, swapAsJson, swappedAction } from "./swap.ts";
import { validate } from "./validate.ts";

const pollInterval = 200;
/** With another port each: one may be taken. */
const attempts = 3;
const root = "restore";
/** What the target sends its master as a password (`masterauth`) is asked for: one that asks for none would refuse it. */
const settingsFile = "restore.conf";

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
  const swap = planSwap(containerOf(target), where, journal.id);
  await save(server, signal, target.database);
  await journal.record({ part: target.database, action: stagedAction, data: swapAsJson(swap) });
  await keepPresent(containers, swap, where, signal);
  await journal.record({ part: target.database, action: swappedAction, data: swapAsJson(swap) });

  await replicate(context, target, server, source, form, where);
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
  source: ArtifactSource,
  form: FormName,
  where: Persistence,
): Promise<void> {
  const { masterauth } = await server.settings("masterauth");
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(20_000, 60_000);
    await using temporary = await startTemporary(context, target, source, form, where, port, masterauth);
    await server.call("REPLICAOF", "127.0.0.1", port);
    if (await isSynchronized(context, server, temporary)) {
      await followNobody(server);
      return;
    }
    const log = await temporary.logs();
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

async function startTemporary(
  { containers, signal }: OperationContext,
  target: Target,
  source: ArtifactSource,
  form: FormName,
  where: Persistence,
  port: number,
  masterPassword: string | undefined,
): Promise<ThrowawayContainer> {
  const { id, imageId } = containerOf(target);
  const names = { ...where, rdbFile: "dump.rdb", aofDirectory: "appendonlydir", aofFile: "appendonly.aof" };
  // `nobody`: it runs as such.
  const owner = { uid: 65_534, gid: 65_534, fileMode: 0o600, directoryMode: 0o700 };
  const settings =
    masterPassword === undefined || masterPassword === "" ? "" : `requirepass ${quoted(masterPassword)}\n`;
  return containers.throwaway({
    image: imageId,
    purpose: "redis-restore",
    networkOf: id,
    user: `${owner.uid}:${owner.gid}`,
    entrypoint: ["sh", "-c", 'exec "$(command -v redis-server || command -v valkey-server)" "$@"', "server"],
    command: [
      `/tmp/${settingsFile}`,
      ...["--bind", "127.0.0.1", "--port", String(port), "--protected-mode", "no"],
      ...["--dir", `/${root}`, "--dbfilename", names.rdbFile, "--save", "", "--repl-diskless-sync-delay", "0"],
      ...["--appendonly", form === "aof" ? "yes" : "no"],
    ],
    files: {
      "/": newFiles(source, form, names, owner, root),
      "/tmp": writeTar([
        { name: settingsFile, content: Buffer.from(settings), uid: owner.uid, gid: owner.gid, mode: 0o600 },
      ]),
    },
    signal,
  });
}

/** As the server's configuration file quotes. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** Waits for the first full synchronisation; false where the temporary server has ended. */
async function isSynchronized(
  { signal, progress }: OperationContext,
  server: Server,
  temporary: ThrowawayContainer,
): Promise<boolean> {
  progress({ step: "replicating from a temporary server" });
  for (;;) {
    const info = await server.info("replication", "persistence");
    if (info["master_link_status"] === "up" && info["master_sync_in_progress"] === "0" && info["loading"] !== "1")
      return true;
    const { state } = await temporary.inspect();
    if (state !== "running") return false;
    await delay(pollInterval, undefined, { signal });
  }
}
