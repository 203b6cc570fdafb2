import { createCodec } from "@sutazai/backup-compressor";
import { BackupError, type Store, type StoredBackup } from "@sutazai/backup-core";
import { openLooseBackup, type LooseBackup } from "@sutazai/backup-store";
import { standingOf } from "@sutazai/backup-verifier";

export interface Choice {
  readonly backup?: string;
  readonly file?: string;
}

export interface Chosen extends LooseBackup {
  /** Why newer ones were not taken, for people. */
  readonly passedOver: readonly string[];
}

/** The backup that was asked for, wherever it lies; otherwise the newest good one of the database. */
export async function openChosen(store: Store, database: string, { backup, file }: Choice): Promise<Chosen> {
  if (file !== undefined) return { ...(await openLooseBackup(file, (name) => createCodec({ name }))), passedOver: [] };
  const chosen = backup === undefined ? await choose(store, database, "restore") : { id: backup, passedOver: [] };
  const { id } = chosen;
  return {
    source: await store.open(id),
    checkIntegrity: (signal) => store.checkIntegrity(id, signal),
    passedOver: chosen.passedOver,
  };
}

/** A restore of less than the newest must not look like one of the newest. */
function passedOver(oldestFirst: readonly StoredBackup[], chosen: string): string[] {
  const newer = oldestFirst.slice(oldestFirst.findIndex(({ id }) => id === chosen) + 1);
  return newer
    .filter(({ manifest }) => manifest?.purpose !== "safety")
    .map(({ id, problem, manifest }) => {
      const why =
        problem?.message ??
        (manifest?.empty === true
          ? "the database was empty"
          : manifest?.status === "partial"
            ? "it is partial"
            : "it is known to be damaged");
      return `backup ${id}, which is newer, was passed over: ${why}`;
    });
}

/**
 * The newest backup to restore a database from: one that is whole and not known to be damaged if there is any, never a safety backup unasked. One
 * that holds something comes before those of a database that had been emptied, or not yet been restored: nobody restores nothing. Throws `not-found`.
 */
export async function chooseBackup(store: Store, database: string, operation: string): Promise<string> {
  return (await choose(store, database, operation)).id;
}

async function choose(
  store: Store,
  database: string,
  operation: string,
): Promise<{ readonly id: string; readonly passedOver: readonly string[] }> {
  const listed = await store.list(database);
  const newestFirst = listed.flatMap(({ manifest }) => manifest ?? []).toReversed();
  const ordinary = newestFirst.filter(({ purpose }) => purpose === "backup");
  const ranked = [false, true].flatMap((isEmpty) =>
    ["ok", "partial"].flatMap((status) =>
      ordinary.filter((manifest) => manifest.empty === isEmpty && manifest.status === status),
    ),
  );
  for (const { id } of ranked) {
    if (!(await isKnownDamaged(store, id))) return { id, passedOver: passedOver(listed, id) };
  }
  throw new BackupError("not-found", `${store.location} holds no good backup of ${database}`, {
    operation,
    database,
    hint:
      listed.length === 0
        ? "run `sutazai-backup backup` first, or name another store (BACKUP_DIR)"
        : `see \`sutazai-backup list ${database}\`; any of them can be tried with --backup <id>`,
  });
}

/** Whether a verification has failed, at whatever level, and none of at least that level has passed since. */
async function isKnownDamaged(store: Store, id: string): Promise<boolean> {
  return standingOf(await store.annotations(id)).damage !== undefined;
}
