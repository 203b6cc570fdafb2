import { BackupError, type ArtifactSource, type OperationContext, type RestoreFacts } from "@sutazai/backup-core";
import { idle, save } from "../save.ts";
import { persistenceOf } from "../persistence.ts";
import type { Server } from "../server.ts";
import { containerOf, type Target } from "../target.ts";
import type { FormName } from "../options.ts";
import { innerPort, whenReady } from "./ready.ts";
import { stage } from "./stage.ts";
import type { StoppedServer } from "./stopped.ts";
import { exchangeFiles, graceSeconds, planSwap, removeFiles, swapAsJson, swappedAction, type Swap } from "./swap.ts";
import { validate, type Validation } from "./validate.ts";

/**
 * Exchanges the server's files while it is stopped, off its networks from before the stop to the end. In the journal, oldest first: the
 * files staged beside, the isolation, the stop, the exchange; undone in the opposite order, so that nobody meets the new content
 * once it is on its way back.
 */
export async function restoreOffline(
  context: OperationContext,
  target: Target,
  server: Server,
  source: ArtifactSource,
  form: FormName,
): Promise<RestoreFacts> {
  const where = await persistenceOf(server, target.database);
  const port = await innerPort(server, target);
  const swap = planSwap(containerOf(target), port, where, context.journal.id);
  await stage(context, target, source, form, where, swap);
  await keepOnDisk(context, target, server);
  return exchange(context, target, swap, source, form);
}

/** The same for a server that does not run: its files are as its end has left them. It runs afterwards. */
export async function restoreStopped(
  context: OperationContext,
  { target, container, where, port }: StoppedServer,
  source: ArtifactSource,
  form: FormName,
): Promise<RestoreFacts> {
  const swap = { ...planSwap(container, port, where, context.journal.id), wasStopped: true };
  await stage(context, target, source, form, where, swap);
  return exchange(context, target, swap, source, form);
}

async function exchange(
  context: OperationContext,
  target: Target,
  swap: Swap,
  source: ArtifactSource,
  form: FormName,
): Promise<RestoreFacts> {
  const { containers, journal, signal } = context;
  const container = containerOf(target);
  const { port } = swap;
  await containers.isolate(container.id, { journal });
  context.progress({ step: "stopping the server" });
  await containers.stop(container.id, { journal, graceSeconds });
  signal.throwIfAborted();
  await journal.record({ part: target.database, action: swappedAction, data: swapAsJson(swap) });
  await exchangeFiles(containers, swap, signal);

  context.progress({ step: "starting the server" });
  const first = await started(context, target, port, async (reached) => {
    const validation = await validate(context, reached.target, reached.server, source, form);
    await removeUnusedAof(context, reached.target, reached.server, swap);
    return validation;
  });
  await containers.stop(container.id, { journal, graceSeconds });
  signal.throwIfAborted();
  const second = await started(context, target, port, (reached) =>
    validate(context, reached.target, reached.server, source, form),
  );
  return {
    ...second,
    evidence: ["after the server had started with it", "after another restart"],
    warnings: sameContent(first, second) ? [] : ["keys expired while it was validated"],
  };
}

/**
 * The present content must be on disk before the server is stopped: one without save points and without an AOF would lose
 * it, and with it what the undoing would come back to.
 */
async function keepOnDisk({ signal }: OperationContext, target: Target, server: Server): Promise<void> {
  const info = await idle(server, signal);
  const isSaved =
    info["rdb_changes_since_last_save"] === "0" &&
    info["rdb_last_bgsave_status"] === "ok" &&
    Number(info["rdb_saves"]) > 0;
  if (!isSaved) await save(server, signal, target.database);
}

/** An AOF that the server, as it has started, does not keep up would be stale one day, and win over the RDB file when it is turned on. */
async function removeUnusedAof(context: OperationContext, target: Target, server: Server, swap: Swap): Promise<void> {
  const { appendOnly, aofDirectory } = await persistenceOf(server, target.database);
  if (appendOnly || aofDirectory === undefined) return;
  await removeFiles(context.containers, swap, [aofDirectory], context.signal);
}

async function started<T>(
  { containers, signal }: OperationContext,
  target: Target,
  port: number,
  use: (reached: { readonly server: Server; readonly target: Target }) => Promise<T>,
): Promise<T> {
  await containers.start(containerOf(target).id);
  const reached = await whenReady(containers, target, port, signal);
  await using _ = reached.server;
  const info = await reached.server.info("replication");
  if (info["role"] !== "master") {
    throw new BackupError("unsupported", "the server's configuration makes it a replica at every start", {
      operation: "redis.restore",
      database: target.database,
      hint: "restore its master instead",
    });
  }
  return await use(reached);
}

function sameContent(first: Validation, second: Validation): boolean {
  return JSON.stringify(first.fingerprint) === JSON.stringify(second.fingerprint);
}
