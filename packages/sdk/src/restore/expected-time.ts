import { toBackupError, type Annotation, type Manifest, type Store } from "@sutazai/backup-core";
import { z } from "zod";
import type { SystemParts } from "../context.ts";
import { plainBytes } from "../backup/take-backup.ts";

/** How long a restore took once, from the command to its last check. */
export interface MeasuredTime {
  readonly ms: number;
  readonly by: "restore" | "drill";
  readonly at: string;
  /** Of which backup, and how much that holds. */
  readonly backup: string;
  readonly bytes: number;
}

export interface ExpectedTime {
  /** In proportion, where the backup holds more than the one that was measured. */
  readonly ms: number;
  readonly measured: MeasuredTime;
}

const restoreAnnotation = "restore";
/** Of the database's backups, how many are looked through for a measured time. */
const looksBack = 20;

const restored = z.object({ ms: z.number().nonnegative() });
const drilled = z.object({
  level: z.literal("restore"),
  ok: z.literal(true),
  rto: z.object({ ms: z.number().nonnegative() }),
});

/** Keeps beside a backup how long its restore took. A backup that lies in no store has no place for it, and a store that cannot take it loses nothing but that. */
export async function noteDuration(
  { store, logger }: SystemParts,
  { id }: Manifest,
  { into, started }: { readonly into: string; readonly started: Date },
): Promise<void> {
  await store.annotate(id, restoreAnnotation, { into, ms: Date.now() - started.getTime() }).catch((error: unknown) => {
    logger.debug({ backup: id, error: toBackupError(error).message }, "how long its restore took could not be noted");
  });
}

/** The last time that was measured: of this backup, else of the newest of its database that has one. Undefined where there is none. */
export async function expectedTime(store: Store, manifest: Manifest): Promise<ExpectedTime | undefined> {
  const listed = (await store.list(manifest.database)).flatMap((stored) => stored.manifest ?? []).toReversed();
  const others = listed.filter(({ id }) => id !== manifest.id).slice(0, looksBack);
  const isStored = listed.some(({ id }) => id === manifest.id);
  for (const candidate of [...(isStored ? [manifest] : []), ...others]) {
    // Unreadable ones are no reason to refuse a plan.
    const measured = lastMeasured(candidate, await store.annotations(candidate.id).catch(() => []));
    if (measured === undefined) continue;
    const growth = measured.bytes === 0 ? 1 : Math.max(1, plainBytes(manifest) / measured.bytes);
    return { ms: Math.round(measured.ms * growth), measured };
  }
  return undefined;
}

function lastMeasured(manifest: Manifest, annotations: readonly Annotation[]): MeasuredTime | undefined {
  return annotations
    .flatMap(({ kind, at, value }): MeasuredTime[] => {
      const of = { at, backup: manifest.id, bytes: plainBytes(manifest) };
      if (kind === restoreAnnotation) {
        const { data } = restored.safeParse(value);
        return data === undefined ? [] : [{ ms: data.ms, by: "restore", ...of }];
      }
      const { data } = drilled.safeParse(kind === "verification" ? value : undefined);
      return data === undefined ? [] : [{ ms: data.rto.ms, by: "drill", ...of }];
    })
    .at(-1);
}
