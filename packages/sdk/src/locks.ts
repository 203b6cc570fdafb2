import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isBackupError, type Probe, type StoreLock } from "@sutazai/backup-core";
import { LockDirectory } from "@sutazai/backup-store";
import { openContext, recovererOf, type SystemParts } from "./context.ts";
import { mapWithLimit } from "./limits.ts";
import { givenBack } from "./warn.ts";

export interface LockWaiting {
  readonly wait: boolean;
  readonly signal: AbortSignal;
}

/** `shared` for backup, restore and verify, `exclusive` for deleting. */
export async function lockStore(
  parts: SystemParts,
  mode: StoreLock["mode"],
  { wait, signal }: LockWaiting,
): Promise<AsyncDisposable> {
  return givenBack(parts, "the lock of the store", await parts.store.lock(mode, { wait, signal }));
}

/** Keeps every other operation off a database: through its container where it has one, else through files of this host. */
export async function lockDatabase(parts: SystemParts, probe: Probe, waiting: LockWaiting): Promise<AsyncDisposable> {
  return givenBack(parts, `the lock of ${probe.resource}`, await acquire(parts, probe, waiting));
}

async function acquire(
  parts: SystemParts,
  { container, resource }: Probe,
  { wait, signal }: LockWaiting,
): Promise<AsyncDisposable> {
  if (container === undefined) {
    const directory = await lockDirectory(parts, resource);
    return directory.acquire("exclusive", { patience: wait ? Infinity : 0, signal });
  }
  const attempt = () => parts.containers.lock(container.id, container.imageId);
  return wait ? untilFree(attempt, signal) : attempt();
}

async function untilFree(attempt: () => Promise<AsyncDisposable>, signal: AbortSignal): Promise<AsyncDisposable> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!isBackupError(error) || error.reason !== "locked") throw error;
    }
    await sleep(1000, undefined, { signal });
  }
}

/** Breaks the locks of all databases, which must be reachable; returns the names of those that were locked. */
export async function unlockDatabases(parts: SystemParts): Promise<string[]> {
  await using recovery = await openContext(parts);
  const operation = await parts.journal.begin(
    { command: "unlock", database: "" },
    (record) => recovererOf(parts, record),
    recovery,
  );
  const context = { ...recovery, journal: operation, signal: new AbortController().signal, progress: () => undefined };
  const unlocked = await mapWithLimit([...parts.databases.values()], parts.parallel, async (adapter) => {
    const { container, resource } = await adapter.probe(context);
    const wasLocked =
      container === undefined
        ? (await (await lockDirectory(parts, resource)).breakAll()).length > 0
        : await parts.containers.unlock(container.id);
    return wasLocked ? [adapter.name] : [];
  });
  return unlocked.flat();
}

async function lockDirectory({ stateDirectory }: SystemParts, resource: string): Promise<LockDirectory> {
  const path = join(stateDirectory, "locks", createHash("sha256").update(resource).digest("hex").slice(0, 32));
  await mkdir(path, { recursive: true, mode: 0o700 });
  return new LockDirectory(path, resource, () => new Date());
}
