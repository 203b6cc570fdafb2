import { createHash } from "node:crypto";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BackupError,
  currentProcess,
  describeProcess,
  isBackupError,
  livenessOf,
  processIdentitySchema,
  type Probe,
} from "@sutazai/backup-core";
import type { SystemParts } from "./context.ts";

/** Keeps every other operation off a database: through its container where it has one, else through a file of this host. */
export function lockDatabase(
  parts: SystemParts,
  probe: Probe,
  options: { readonly wait: boolean; readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  const attempt = () =>
    probe.container === undefined
      ? lockByFile(join(parts.stateDirectory, "locks"), probe.resource)
      : parts.containers.lock(probe.container.id, probe.container.imageId);
  return options.wait ? waitFor(attempt, options.signal) : attempt();
}

async function waitFor(attempt: () => Promise<AsyncDisposable>, signal: AbortSignal): Promise<AsyncDisposable> {
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

async function lockByFile(directory: string, resource: string): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${createHash("sha256").update(resource).digest("hex").slice(0, 32)}.json`);
  const identity = JSON.stringify(await currentProcess());
  for (;;) {
    try {
      const file = await open(path, "wx", 0o600);
      await file.writeFile(identity);
      await file.close();
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = processIdentitySchema.safeParse(await readJson(path));
    if (!holder.success || (await livenessOf(holder.data)) !== "dead") {
      const since = (await stat(path).catch(() => undefined))?.mtime.toISOString() ?? "just now";
      const name = holder.success ? describeProcess(holder.data) : "an unknown process";
      throw new BackupError("locked", `${resource} is in use by ${name} since ${since}`, {
        operation: "lock",
        hint: "wait for it (`--wait`), or run `sutazai-backup unlock` if it is gone",
        details: { holder: name, since },
      });
    }
    await rm(path, { force: true });
  }
}

/** Breaks the locks of all databases that can be reached; returns the names of those that were locked. */
export async function unlockDatabases(parts: SystemParts): Promise<string[]> {
  await using recovery = await openContext(parts);
  const operation = await parts.journal.begin(
    { command: "unlock", database: "" },
    (record) => recovererOf(parts, record),
    recovery,
  );
  const context = { ...recovery, journal: operation, signal: new AbortController().signal, progress: () => undefined };
  const broken = await mapWithLimit([...parts.databases.values()], parts.parallel, async (adapter) => {
    const { container, resource } = await adapter.probe(context);
    const wasLocked =
      container === undefined ? await unlockFile(parts, resource) : await parts.containers.unlock(container.id);
    return wasLocked ? [adapter.name] : [];
  });
  return broken.flat();
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}
