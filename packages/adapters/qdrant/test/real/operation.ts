import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import {
  Journal,
  silentLogger,
  type ArtifactSink,
  type DatabaseAdapter,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { MemoryBackup } from "@sutazai/backup-testkit";

/** Runs one operation of an adapter under a journal of its own, and settles it as the engine does. */
export async function operate<Result>(
  adapter: DatabaseAdapter,
  work: (context: OperationContext) => Promise<Result>,
  settlement: "finish" | "undo" = "finish",
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), "qdrant-"));
  const containers = dockerRuntime();
  const recovery = { logger: silentLogger, containers, scratch: directory };
  try {
    const operation = await new Journal(join(directory, "journal")).begin(
      { command: "test", database: adapter.name },
      ({ part }) => (part === "containers" ? containers : adapter),
      recovery,
    );
    const context = {
      ...recovery,
      journal: operation,
      signal: new AbortController().signal,
      progress: () => undefined,
    };
    let result: Result;
    try {
      result = await work(context);
    } catch (error) {
      await operation.close("undo");
      throw error;
    }
    await operation.close(settlement);
    return result;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A backup in memory. `meanwhile` happens when the first bytes of an artifact have come. */
export async function backUp(
  adapter: DatabaseAdapter,
  meanwhile: (artifact: string) => Promise<void> = async () => undefined,
): Promise<MemoryBackup> {
  const backup = new MemoryBackup();
  const startedAt = new Date();
  const sink: ArtifactSink = {
    write: (name, content) =>
      backup.write(
        name,
        (async function* () {
          let isFirst = true;
          for await (const chunk of content) {
            if (isFirst) await meanwhile(name);
            isFirst = false;
            yield chunk;
          }
        })(),
      ),
  };
  const facts = await operate(adapter, (context) => adapter.backup(context, sink));
  return backup.seal(adapter, facts, startedAt);
}

export async function restore(
  adapter: DatabaseAdapter,
  backup: MemoryBackup,
  options: Partial<RestoreOptions> = {},
  settlement: "finish" | "undo" = "finish",
): Promise<RestoreFacts> {
  const chosen = { form: "snapshot", method: "upload", only: undefined, ...options };
  return operate(
    adapter,
    async (context) => {
      await adapter.planRestore(context, backup.manifest, chosen);
      await adapter.fence(context, chosen);
      return adapter.restore(context, backup, chosen);
    },
    settlement,
  );
}
