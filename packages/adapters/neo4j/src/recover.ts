import { recoverStaged, stagedAction, swapOf, swappedAction, undoSwap } from "@sutazai/backup-containers";
import {
  BackupError,
  isBackupError,
  toBackupError,
  type JournalRecord,
  type RecoveryContext,
  type Settlement,
} from "@sutazai/backup-core";
import { z } from "zod";
import { offlineAction } from "./methods/offline.ts";
import type { Neo4jOptions } from "./options.ts";
import { whenReady } from "./ready.ts";
import { locate } from "./target.ts";

/** A server that does not answer in this time may still come: the journal has done its part when the container runs. */
const patienceMs = 180_000;

const offlineSchema: z.ZodType<{ readonly container: string }> = z.strictObject({ container: z.string() });

/** Settles what the journal records of this database tell. Every step looks at what is there, so that it can be repeated. */
export async function recover(
  options: Neo4jOptions,
  record: JournalRecord,
  settlement: Settlement,
  context: RecoveryContext,
): Promise<void> {
  const { containers } = context;
  switch (record.action) {
    case offlineAction:
      // Started by the record of its stop, which is newer.
      return untilBack(options, record.part, offlineSchema.parse(record.data).container, context);
    case stagedAction: {
      const swap = swapOf(record.data);
      await recoverStaged(containers, swap);
      if (swap.place.kind === "container") await untilBack(options, record.part, swap.place.container, context);
      return undefined;
    }
    case swappedAction:
      // Finished: the new data is in place, and `staged`, which is older, removes the other.
      return settlement === "undo" ? undoSwap(containers, swapOf(record.data)) : undefined;
    default:
      throw new BackupError(
        "unsupported",
        `the journal tells of "${record.action}", which this version does not know`,
        {
          operation: "neo4j.recover",
          database: record.part,
          hint: "recover it with the version that wrote it",
        },
      );
  }
}

/** A server takes seconds to start: until it answers, what was before is not yet back. */
async function untilBack(
  options: Neo4jOptions,
  database: string,
  container: string,
  { containers, logger }: RecoveryContext,
): Promise<void> {
  try {
    const info = await containers.inspect(container);
    if (info.state !== "running") return;
    const port = options.port === undefined ? {} : { port: options.port };
    const target = await locate({ ...options, host: "127.0.0.1", container }, database, containers);
    const signal = new AbortController().signal;
    const { server } = await whenReady(containers, info, target, { signal, patienceMs, ...port });
    await server[Symbol.asyncDispose]();
  } catch (error) {
    if (isBackupError(error) && error.reason === "authentication") return;
    logger.warn({ container, error: toBackupError(error).message }, "the server runs, but does not answer yet");
  }
}
