import { BackupError, toBackupError, type DatabaseAdapter } from "@sutazai/backup-core";
import { selectDatabases, type SystemParts } from "../context.ts";

const makeAgain =
  "make its container again: `sutazai-backup platform export` writes a compose file from the backups (docs/runbooks)";

/**
 * The databases of the given names, or all, for a restore. After a disaster a container may be gone, and with it all that was known of a database that is discovered:
 * what the store has backups of is told then, never left out without a word.
 */
export async function selectForRestore(
  parts: SystemParts,
  names: readonly string[] | undefined,
): Promise<DatabaseAdapter[]> {
  try {
    const selected = selectDatabases(parts, names);
    if (names === undefined || names.length === 0) await warnOfOthers(parts);
    return selected;
  } catch (thrown) {
    const error = toBackupError(thrown);
    const others = await othersIn(parts);
    const gone = names === undefined || names.length === 0 ? others : others.filter((name) => names.includes(name));
    if (gone.length === 0) throw error;
    throw new BackupError(error.reason, `${error.message}; the store has backups of ${gone.join(", ")}`, {
      ...error.toJSON(),
      hint: `${makeAgain}; where it is called otherwise than before, say so: databases.${gone[0]}.container`,
      cause: error,
    });
  }
}

/** An error about a container that is gone, with the way out. */
export function withContainerAgain(error: BackupError): BackupError {
  if (error.reason !== "not-found" || typeof error.details["reference"] !== "string") return error;
  const hint = error.hint === undefined ? makeAgain : `${error.hint}; where it is gone, ${makeAgain}`;
  return new BackupError(error.reason, error.message, { ...error.toJSON(), hint, cause: error });
}

async function warnOfOthers(parts: SystemParts): Promise<void> {
  for (const name of await othersIn(parts)) {
    const message = `the store has backups of ${name}, which is not known here and is not restored; if it should be, ${makeAgain}`;
    parts.emit({ type: "warning", at: new Date().toISOString(), message });
  }
}

/** Databases of which the store has backups, and that are not known. A store that cannot be listed is told by the restore itself. */
async function othersIn({ store, databases }: SystemParts): Promise<string[]> {
  const stored = await store.list().catch(() => []);
  const backedUp = stored.filter(({ manifest }) => manifest?.purpose === "backup").map(({ database }) => database);
  return [...new Set(backedUp)].filter((name) => !databases.has(name));
}
