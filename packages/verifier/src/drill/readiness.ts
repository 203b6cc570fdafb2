import { setTimeout as sleep } from "node:timers/promises";
import {
  BackupError,
  toBackupError,
  type DatabaseAdapter,
  type JournalOperation,
  type Probe,
  type ThrowawayContainer,
} from "@sutazai/backup-core";
import type { DrillContext } from "./verify-restore.ts";

const pollInterval = 200;
/** Not a time to be fast in, but one after which waiting longer is pointless, on a loaded machine too. */
const patience = 300_000;

/** Waits until a server that was just started answers. Throws `tool-failed`, with the last of its log, where it ends instead, or never answers. */
export async function untilAnswering(
  database: DatabaseAdapter,
  container: ThrowawayContainer,
  context: DrillContext,
): Promise<Probe> {
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await database.probe({ ...context, journal: unused });
    } catch (thrown) {
      context.signal.throwIfAborted();
      const error = toBackupError(thrown);
      const { state } = await container.inspect();
      if (state === "running" && !error.isRetryable) throw error;
      if (state !== "running" || performance.now() > until) {
        const what = state === "running" ? `does not answer (${error.message})` : "ended instead of starting";
        throw new BackupError("tool-failed", `the throwaway server ${what}: ${lastOf(await container.logs())}`, {
          operation: "drill.start",
          database: database.name,
          hint: "look at what it logged; another image can be named by the setting `drillImage`",
          cause: error,
        });
      }
    }
    await sleep(pollInterval, undefined, { signal: context.signal });
  }
}

function lastOf(log: string): string {
  return log.trim().split("\n").slice(-3).join("; ") || "it logged nothing";
}

/** A look changes nothing, so there is nothing to be recorded. */
const unused: JournalOperation = {
  id: "",
  record: () => Promise.reject(new Error("a probe has nothing to undo")),
};
