import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standaloneContext } from "@sutazai/backup-containers";
import type {
  ArtifactSink,
  DatabaseAdapter,
  OperationContext,
  RestoreFacts,
  RestoreOptions,
} from "@sutazai/backup-core";
import { MemoryBackup } from "@sutazai/backup-testkit";

/** Runs one operation of an adapter under a journal of its own, and keeps its result unless told otherwise. */
export async function operate<Result>(
  adapter: DatabaseAdapter,
  work: (context: OperationContext) => Promise<Result>,
  keep: boolean = true,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), "chromadb-test-"));
  try {
    await using context = await standaloneContext(adapter, { stateDirectory: directory });
    const result = await work(context);
    if (keep) await context.commit();
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

export const byReplacing = { form: "data", method: "replace", only: undefined } as const;
export const byImporting = { form: "export", method: "import", only: undefined } as const;

export function restore(
  adapter: DatabaseAdapter,
  backup: MemoryBackup,
  way: RestoreOptions,
  keep: boolean = true,
): Promise<RestoreFacts> {
  return operate(
    adapter,
    async (context) => {
      await adapter.planRestore(context, backup.manifest, way);
      await adapter.fence(context, way);
      return adapter.restore(context, backup, way);
    },
    keep,
  );
}
