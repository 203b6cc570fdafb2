import { createCodec } from "@sutazai/backup-compressor";
import { BackupError, type DatabaseAdapter, type Manifest, type Store, type StoredBackup } from "@sutazai/backup-core";
import { openLooseBackup, type LooseBackup } from "@sutazai/backup-store";
import { standingOf } from "@sutazai/backup-verifier";
import { canRestore } from "./checks.ts";

export interface Choice {
  readonly backup?: string;
  readonly file?: string;
}

export interface Chosen extends LooseBackup {
  /** Why newer ones were not taken, for people. */
  readonly passedOver: readonly string[];
}

/** The backup that was asked for, wherever it lies; otherwise the newest good one of the database that the adapter can restore. */
export async function openChosen(
  store: Store,
  database: string,
  { backup, file }: Choice,
  adapter: DatabaseAdapter,
): Promise<Chosen> {
  if (file !== undefined) return { ...(await openLooseBackup(file, (name) => createCodec({ name }))), passedOver: [] };
  const chosen =
    backup === undefined
      ? await choose(store, database, "restore", (manifest) => isRestorableBy(adapter, manifest))
      : { id: backup, passedOver: [] };
  const { id } = chosen;
  return {
    source: await store.open(id),
    checkIntegrity: (signal) => store.checkIntegrity(id, signal),
    passedOver: chosen.passedOver,
  };
}

/** Whether it can be restored by an adapter. One of another kind is not passed over: the refusal says what is wrong. */
export function isRestorableBy(adapter: DatabaseAdapter, { kind, forms }: Manifest): boolean {
  return kind !== adapter.kind || canRestore(adapter, forms);
}

/** A restore of less than the newest must not look like one of the newest. */
function passedOver(
  oldestFirst: readonly StoredBackup[],
  chosen: string,
  isRestorable: (manifest: Manifest) => boolean,
): string[] {
  const newer = oldestFirst.slice(oldestFirst.findIndex(({ id }) => id === chosen) + 1);
  return newer
    .filter(({ manifest }) => manifest?.purpose !== "safety")
    .map(({ id, problem, manifest }) => {
      const why =
        problem?.message ??
        (manifest !== undefined && !isRestorable(manifest)
          ? `nothing restores its form ${manifest.forms.map(({ name }) => name).join(", ")}`
          : manifest?.empty === true
            ? "the database was empty"
            : manifest?.status === "partial"
              ? "it is partial"
              : "it is known to be damaged");
      return `backup ${id}, which is newer, was passed over: ${why}`;
    });
}

/**
 * The newest restorable backup of a database: one that is whole and not known to be damaged if there is any, never a safety backup unasked. One
 * that holds something comes before those of a database that had been emptied, or not yet been restored: nobody restores nothing. Throws `not-found`; where there are
 * some and none can be read, what reading them threw.
 */
export async function chooseBackup(
  store: Store,
  database: string,
  operation: string,
  isRestorable: (manifest: Manifest) => boolean = () => true,
): Promise<string> {
  return (await choose(store, database, operation, isRestorable)).id;
}

async function choose(
  store: Store,
  database: string,
  operation: string,
  isRestorable: (manifest: Manifest) => boolean,
): Promise<{ readonly id: string; readonly passedOver: readonly string[] }> {
  const listed = await store.list(database);
  const newestFirst = listed.flatMap(({ manifest }) => manifest ?? []).toReversed();
  const ordinary = newestFirst.filter((manifest) => manifest.purpose === "backup" && isRestorable(manifest));
  const ranked = [false, true].flatMap((isEmpty) =>
    ["ok", "partial"].flatMap((status) =>
      ordinary.filter((manifest) => manifest.empty === isEmpty && manifest.status === status),
    ),
  );
  for (const { id } of ranked) {
    if (!(await isKnownDamaged(store, id))) return { id, passedOver: passedOver(listed, id, isRestorable) };
  }
  const unread = newestFirst.length === 0 ? listed.at(-1)?.problem : undefined;
  if (unread !== undefined) {
    throw new BackupError(
      unread.reason,
      `of the ${listed.length} backups of ${database} in ${store.location} none can be read: ${unread.message}`,
      { operation, database, hint: "see whether the disk is well (`dmesg`, `df`), then try again", cause: unread },
    );
  }
  throw new BackupError("not-found", `${store.location} holds no good backup of ${database}`, {
    operation,
    database,
    hint:
      listed.length === 0
        ? "run `sutazai-backup backup` first, or name another store (BACKUP_DIR)"
        : newestFirst.some(isRestorable)
          ? `see \`sutazai-backup list ${database}\`; any of them can be tried with --backup <id>`
          : "nothing restores the forms of those there are: configure another method for its backups",
  });
}

/** Whether a verification has failed, at whatever level, and none of at least that level has passed since. */
async function isKnownDamaged(store: Store, id: string): Promise<boolean> {
  return standingOf(await store.annotations(id)).damage !== undefined;
}
