import { BackupError, type JournalRecord, type RecoveryContext, type Settlement } from "@sutazai/backup-core";
import { locate, type Target } from "./target.ts";
import type { RedisOptions } from "./options.ts";
import { liftReadOnly, readOnlyAction } from "./restore/read-only.ts";
import { whenReady } from "./restore/ready.ts";
import { recoverStaged, stagedAction, swapOf, swappedAction, undoSwap } from "./restore/swap.ts";

/** Settles what the journal records of this database tell. Every step looks at what is there, so that it can be repeated. */
export async function recover(
  options: RedisOptions,
  record: JournalRecord,
  settlement: Settlement,
  context: RecoveryContext,
): Promise<void> {
  const { containers } = context;
  switch (record.action) {
    case readOnlyAction:
      return recoverReadOnly(options, record, context);
    case stagedAction:
      return recoverStaged(containers, swapOf(record.data));
    case swappedAction:
      // Finished: the new files are in place, and `staged`, which is older, removes the others.
      return settlement === "undo" ? undoSwap(containers, swapOf(record.data)) : undefined;
    default:
      throw new BackupError(
        "unsupported",
        `the journal tells of "${record.action}", which this version does not know`,
        {
          operation: "redis.recover",
          database: record.part,
          hint: "recover it with the version that wrote it",
        },
      );
  }
}

async function recoverReadOnly(options: RedisOptions, record: JournalRecord, context: RecoveryContext): Promise<void> {
  const { containers } = context;
  // What does not run has forgotten it: the setting lives in the process.
  if (options.container !== undefined && (await containers.inspect(options.container)).state !== "running") return;
  const target: Target = await locate(options, record.part, containers);
  const signal = new AbortController().signal;
  const { server } = await whenReady(containers, target, undefined, signal);
  await using _ = server;
  await liftReadOnly(server);
}
