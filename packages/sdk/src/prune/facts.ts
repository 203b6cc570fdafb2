import { isBackupError, type FoundOperation, type Store, type StoredBackup } from "@sutazai/backup-core";
import type { RetentionFacts } from "@sutazai/backup-store";
import { standingOf } from "@sutazai/backup-verifier";
import { pinOf, unreadableAnnotations } from "./pin.ts";

/** What retention needs to know of a listed backup; undefined for one that was deleted since it was listed. */
export async function retentionFactsOf(
  store: Store,
  { id, database, manifest, problem }: StoredBackup,
  operations: readonly FoundOperation[],
): Promise<RetentionFacts | undefined> {
  if (problem !== undefined) {
    return { id, unreadable: problem.message, mayNeedOthers: problem.reason !== "corrupt" };
  }
  const { sequence, parents, purpose, status, startedAt, empty } = manifest;
  const operation = operations.find((candidate) => candidate.database === database);
  const known = {
    id,
    sequence,
    parents,
    purpose,
    status,
    startedAt,
    empty,
    inUse: operation && `a ${operation.command} of ${database}, begun ${operation.startedAt}, has not ended`,
  };
  try {
    const annotations = await store.annotations(id);
    const { proven, damage } = standingOf(annotations);
    return { ...known, passed: proven?.level, damaged: damage !== undefined, pinned: pinOf(annotations)?.reason };
  } catch (error) {
    if (!isBackupError(error)) throw error;
    if (error.reason === "not-found") return undefined;
    if (error.reason !== "corrupt") throw error;
    return { ...known, passed: undefined, damaged: false, pinned: unreadableAnnotations };
  }
}
