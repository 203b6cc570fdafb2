import { BackupError, isBackupError, type Manifest } from "@sutazai/backup-core";
import { chooseBackup } from "../restore/choose.ts";
import type { SystemParts } from "../context.ts";
import { composeFile, type Composed, type Source } from "./compose.ts";

const operation = "platform.export";

export interface PlatformExport extends Composed {
  /** The containers in it, each with the backups that tell of it. */
  readonly containers: readonly { readonly name: string; readonly backups: readonly string[] }[];
  /** Databases of which no good backup tells anything. */
  readonly leftOut: readonly string[];
}

/**
 * A compose file of the containers that the newest good backup of each database in the store was taken from. Needs the
 * store only. Throws `not-found` where no backup tells of a container.
 */
export async function exportPlatform({ store }: Pick<SystemParts, "store">): Promise<PlatformExport> {
  const warnings: string[] = [];
  const leftOut: string[] = [];
  const manifests: Manifest[] = [];
  for (const database of new Set((await store.list()).map((backup) => backup.database))) {
    try {
      manifests.push((await store.open(await chooseBackup(store, database, operation))).manifest);
    } catch (error) {
      if (!isBackupError(error)) throw error;
      leftOut.push(database);
      warnings.push(`${database} is left out: ${error.message}`);
    }
  }
  const sources = byContainer(manifests);
  if (sources.length === 0) {
    throw new BackupError("not-found", `no backup in ${store.location} tells of a container`, {
      operation,
      hint: "name the store that has the backups (--dir); databases that were backed up by their address have no container",
      details: { warnings },
    });
  }
  for (const { database, container } of manifests) {
    if (container === null)
      warnings.push(`${database} is left out: it was backed up by its address, not from a container`);
  }
  const composed = composeFile(sources);
  return {
    ...composed,
    warnings: [...warnings, ...composed.warnings],
    containers: sources.map(({ container, manifests: told }) => ({
      name: container.name,
      backups: told.map(({ id }) => id),
    })),
    leftOut,
  };
}

/** By the newest that tells of it, where several databases live in one container. */
function byContainer(manifests: readonly Manifest[]): Source[] {
  const newestFirst = manifests.toSorted((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  const names = [...new Set(manifests.flatMap(({ container }) => container?.name ?? []))].sort();
  return names.flatMap((name) => {
    const told = newestFirst.filter(({ container }) => container?.name === name);
    const container = told[0]?.container;
    return container === undefined || container === null ? [] : [{ container, manifests: told }];
  });
}
