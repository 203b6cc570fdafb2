import { recoverStaged, stagedAction, swapOf, swappedAction, undoSwap } from "@sutazai/backup-containers";
import { BackupError, type JournalRecord, type RecoveryContext, type Settlement } from "@sutazai/backup-core";
import type { FaissOptions } from "./options.ts";
import { startAction, startService } from "./restore/service.ts";

/** Settles what the journal records of this database tell. Every step looks at what is there, so that it can be repeated. */
export async function recover(
  options: FaissOptions,
  record: JournalRecord,
  settlement: Settlement,
  { containers }: RecoveryContext,
): Promise<void> {
  switch (record.action) {
    case stagedAction:
      return recoverStaged(containers, swapOf(record.data));
    case swappedAction:
      // Finished: the new files are in place, and `staged`, which is older, removes the others.
      return settlement === "undo" ? undoSwap(containers, swapOf(record.data)) : undefined;
    case startAction:
      return startService(options, record.part);
    default:
      throw new BackupError(
        "unsupported",
        `the journal tells of "${record.action}", which this version does not know`,
        {
          operation: "faiss.recover",
          database: record.part,
          hint: "recover it with the version that wrote it",
        },
      );
  }
}
