import { createCodec } from "@sutazai/backup-compressor";
import { BackupError, type Store } from "@sutazai/backup-core";
import { openLooseBackup, type LooseBackup } from "@sutazai/backup-store";
import { standingOf } from "@sutazai/backup-verifier";

export interface Choice {
  readonly backup?: string;
  readonly file?: string;
}

/** The backup that was asked for, wherever it lies; otherwise the newest good one of the database. */
export async function openChosen(store: Store, database: string, { backup, file }: Choice): Promise<LooseBackup> {
  if (file !== undefined) return openLooseBackup(file, (name) => createCodec({ name }));
  const id = backup ?? (await chooseBackup(store, database));
  return { source: await store.open(id), checkIntegrity: (signal) => store.checkIntegrity(id, signal) };
}

/**
 * The newest backup to restore a database from: one that is whole and not known to be damaged if there is any, never a safety backup unasked. One
 * that holds something comes before those of a database that had been emptied, or not yet been restored: nobody restores nothing. Throws `not-found`.
 */
export async function chooseBackup(store: Store, database: string, operation: string = "restore"): Promise<string> {
  const listed = await store.list(database);
  const newestFirst = listed.flatMap(({ manifest }) => manifest ?? []).toReversed();
  const ordinary = newestFirst.filter(({ purpose }) => purpose === "backup");
  const ranked = [false, true].flatMap((isEmpty) =>
    ["ok", "partial"].flatMap((status) =>
      ordinary.filter((manifest) => manifest.empty === isEmpty && manifest.status === status),
    ),
  );
  for (const { id } of ranked) if (!(await isKnownDamaged(store, id))) return id;
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
