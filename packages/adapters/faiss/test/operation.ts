import { standaloneContext } from "@sutazai/backup-containers";
import type { DatabaseAdapter, OperationContext } from "@sutazai/backup-core";
import { MemoryBackup } from "@sutazai/backup-testkit";

/** Runs operations of an adapter under journals in this directory; the result of each is kept unless told otherwise. */
export function operations(stateDirectory: () => string) {
  async function operate<T>(
    adapter: DatabaseAdapter,
    work: (context: OperationContext) => Promise<T>,
    keep: boolean = true,
  ): Promise<T> {
    await using context = await standaloneContext(adapter, { stateDirectory: stateDirectory() });
    const result = await work(context);
    if (keep) await context.commit();
    return result;
  }
  async function backUp(adapter: DatabaseAdapter): Promise<MemoryBackup> {
    const backup = new MemoryBackup();
    const startedAt = new Date();
    return backup.seal(adapter, await operate(adapter, (context) => adapter.backup(context, backup)), startedAt);
  }
  return { operate, backUp };
}
