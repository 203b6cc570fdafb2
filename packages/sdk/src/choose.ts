import { createCodec } from "@sutazai/backup-compressor";
import { BackupError, type Manifest, type Store } from "@sutazai/backup-core";
import { openLooseBackup, type LooseBackup } from "@sutazai/backup-store";

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

/** The newest backup to restore a database from: a full one if there is any, never a safety backup unasked. Throws `not-found`. */
async function chooseBackup(store: Store, database: string): Promise<string> {
  const listed = await store.list(database);
  const ordinary = listed.flatMap(({ manifest }) => manifest ?? []).filter(({ purpose }) => purpose === "backup");
  const chosen: Manifest | undefined = ordinary.findLast(({ status }) => status === "ok") ?? ordinary.at(-1);
  if (chosen === undefined) {
    const damaged = listed.filter(({ problem }) => problem !== undefined).length;
    throw new BackupError("not-found", `${store.location} holds no backup of ${database} that can be restored`, {
      operation: "restore",
      database,
      hint:
        damaged > 0
          ? `${damaged} damaged ones are there: see \`sutazai-backup list ${database}\``
          : "run `sutazai-backup backup` first, or name another store (BACKUP_DIR)",
    });
  }
  return chosen.id;
}
