import { setTimeout as sleep } from "node:timers/promises";
import { recoverStaged, stagedAction, swapOf, swappedAction, undoSwap } from "@sutazai/backup-containers";
import { toBackupError, type JournalRecord, type RecoveryContext, type Settlement } from "@sutazai/backup-core";
import { createCollection, deleteCollection, listCollections, setAliases } from "./collections.ts";
import { fromJournal, type MadeSnapshot, type SnapshotIntent } from "./journal-records.ts";
import type { QdrantOptions } from "./options.ts";
import { undoReplacement } from "./replace.ts";
import { deleteSnapshot, listSnapshots, type SnapshotDescription } from "./server-snapshot.ts";
import { Server } from "./server.ts";
import { containerName } from "./target.ts";

/** Settles one record by what is really there. The present content of a collection is put back from the snapshot kept in the server. */
export async function recover(
  options: QdrantOptions,
  name: string,
  record: JournalRecord,
  settlement: Settlement,
  context: RecoveryContext,
): Promise<void> {
  const { containers } = context;
  if (record.action === stagedAction) return recoverStaged(containers, swapOf(record.data));
  if (record.action === swappedAction) {
    // Finished: the new files are in place, and `staged`, which is older, removes the others.
    return settlement === "undo" ? undoSwap(containers, swapOf(record.data)) : undefined;
  }
  const { action, data } = fromJournal(record);
  // Told by another record, or part of what is to stay.
  if (settlement === "finish" && action !== "snapshot") return;
  const withinRestore = "withinRestore" in data ? data.withinRestore : true;
  using server = await (withinRestore ? reach(options, name, context) : Server.open(options, name, context.containers));
  switch (action) {
    case "make-snapshot":
      return deleteUnnamed(server, data, context);
    case "snapshot":
      return deleteNamed(server, data);
    case "replace":
      return undoReplacement(server, data);
    case "aliases":
      return setAliases(server, data.before);
  }
}

const startAttempts = 240;

/** A server that ended in the middle of a restore is started for the undoing: nobody else can, while it is off its networks. */
async function reach(options: QdrantOptions, name: string, { containers, logger }: RecoveryContext): Promise<Server> {
  const reference = containerName(options);
  if (reference === undefined) return Server.open(options, name, containers);
  const container = await containers.inspect(reference);
  if (container.state !== "exited" && container.state !== "dead") return Server.open(options, name, containers);
  logger.warn({ container: container.name }, "the server has ended during a restore; it is started to undo it");
  await containers.start(container.id);
  for (let attempt = 1; ; attempt++) {
    try {
      return await Server.open(options, name, containers);
    } catch (error) {
      if (attempt === startAttempts || !toBackupError(error).isRetryable) throw error;
      await sleep(500);
    }
  }
}

async function deleteNamed(server: Server, { collection, name }: MadeSnapshot): Promise<void> {
  if ((await listCollections(server)).includes(collection)) return deleteSnapshot(server, collection, name);
  // Snapshots outlive their collection, and cannot be reached without one.
  await createCollection(server, collection, { params: { vectors: {} } });
  await deleteSnapshot(server, collection, name);
  await deleteCollection(server, collection);
}

/** How far apart our clock and the server's may be. */
const clockToleranceMs = 10 * 60_000;

/** A snapshot was asked for and nobody learnt its name. The first new one is ours; what is too far off in time is rather a user's. */
async function deleteUnnamed(
  server: Server,
  { collection, known, at }: SnapshotIntent,
  { logger }: RecoveryContext,
): Promise<void> {
  if (!(await listCollections(server)).includes(collection)) return;
  const fresh = (await listSnapshots(server, collection))
    .filter(({ name }) => !known.includes(name))
    .sort((a, b) => timeOf(a) - timeOf(b));
  const [ours] = fresh;
  if (ours === undefined) return;
  if (Math.abs(timeOf(ours) - Date.parse(at)) < clockToleranceMs) return deleteSnapshot(server, collection, ours.name);
  logger.warn(
    { collection, snapshot: ours.name },
    "a snapshot in the server may be a leftover of ours, or a user's: it was not deleted",
  );
}

/** Milliseconds since 1970; the server writes UTC, without saying so. */
function timeOf({ creation_time }: SnapshotDescription): number {
  return Date.parse(`${creation_time ?? ""}Z`);
}
