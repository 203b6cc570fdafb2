import { recoverStaged, stagedAction, swapOf, swappedAction, undoSwap } from "@sutazai/backup-containers";
import type { JournalRecord, RecoveryContext, Settlement } from "@sutazai/backup-core";
import type { ChromadbOptions } from "./options.ts";
import { fromJournal } from "./restore/records.ts";
import { settleImport } from "./restore/undo-import.ts";
import { Server } from "./server.ts";
import { containerName } from "./target.ts";

/** Settles one record by what is really there, so that it can be repeated. */
export async function recover(
  options: ChromadbOptions,
  name: string,
  record: JournalRecord,
  settlement: Settlement,
  context: RecoveryContext,
): Promise<void> {
  const { containers } = context;
  switch (record.action) {
    case stagedAction:
      return recoverStaged(containers, swapOf(record.data));
    case swappedAction:
      // Finished: the new files are in place, and `staged`, which is older, removes the others.
      return settlement === "undo" ? undoSwap(containers, swapOf(record.data)) : undefined;
    default: {
      const told = fromJournal(record);
      await startIfEnded(options, context);
      using server = await Server.open(options, name, containers);
      return settleImport(server, told, settlement);
    }
  }
}

/** A server that ended in the middle of a restore is started for the undoing: nobody else can, while it is off its networks. */
async function startIfEnded(options: ChromadbOptions, { containers, logger }: RecoveryContext): Promise<void> {
  const reference = containerName(options);
  if (reference === undefined) return;
  const container = await containers.inspect(reference);
  if (container.state !== "exited" && container.state !== "dead") return;
  logger.warn({ container: container.name }, "the server has ended during a restore; it is started to undo it");
  await containers.start(container.id);
}
