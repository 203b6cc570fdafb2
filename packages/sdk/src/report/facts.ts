import {
  isBackupError,
  toBackupError,
  type Annotation,
  type Manifest,
  type Store,
  type StoredBackup,
} from "@sutazai/backup-core";
import type { BackupFact, ReportFacts } from "@sutazai/backup-reporter";
import { standingOf } from "@sutazai/backup-verifier";
import { z } from "zod";
import { pinOf } from "../prune/pin.ts";
import { plainBytes, storedBytes } from "../backup/take-backup.ts";

const readAtOnce = 16;

/** What the store knows of every backup in it. One deleted meanwhile is left out. */
export async function backupFacts(store: Store): Promise<BackupFact[]> {
  const listed = await store.list();
  const found: BackupFact[] = [];
  for (let index = 0; index < listed.length; index += readAtOnce) {
    const batch = await Promise.all(listed.slice(index, index + readAtOnce).map((stored) => factOf(store, stored)));
    found.push(...batch.flatMap((fact) => fact ?? []));
  }
  return found;
}

const unreadable = {
  kind: null,
  purpose: null,
  status: null,
  sequence: null,
  capturedAt: null,
  endedAt: null,
  durationMs: null,
  plainBytes: 0,
  storedBytes: 0,
  empty: false,
  proven: null,
  damage: null,
  pinned: null,
  good: false,
  drills: [],
  restores: [],
};

async function factOf(
  store: Store,
  { id, database, manifest, problem }: StoredBackup,
): Promise<BackupFact | undefined> {
  if (problem !== undefined) return { id, database, ...unreadable, problem: problem.message };
  const known = { ...unreadable, id, ...factsOf(manifest), problem: null };
  try {
    const annotations = await store.annotations(id);
    const { proven, damage } = standingOf(annotations);
    const wasRead = proven !== undefined && proven.level !== "checksum";
    return {
      ...known,
      proven: proven ?? null,
      damage: damage ?? null,
      pinned: pinOf(annotations)?.reason ?? null,
      good: manifest.status === "ok" && wasRead,
      drills: annotations.flatMap((annotation) => drillOf(id, annotation)),
      restores: annotations.flatMap(restoreOf),
    };
  } catch (thrown) {
    if (isBackupError(thrown) && thrown.reason === "not-found") return undefined;
    // What is noted beside it may say that it is damaged: it counts as nothing until that can be read.
    return { ...known, problem: toBackupError(thrown).message };
  }
}

function factsOf(manifest: Manifest) {
  const { database, kind, purpose, status, sequence, startedAt, endedAt, empty, forms } = manifest;
  return {
    database,
    kind,
    purpose,
    status,
    sequence,
    capturedAt: forms.map(({ capture }) => capture.from).sort()[0] ?? startedAt,
    endedAt,
    durationMs: Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)),
    plainBytes: plainBytes(manifest),
    storedBytes: storedBytes(manifest),
    empty,
  };
}

const amount = z.number().nonnegative();
const drilled = z.object({
  level: z.literal("restore"),
  ok: z.boolean(),
  problems: z.array(z.string()),
  forms: z.array(z.object({ factsCompared: amount })),
  rto: z
    .object({ ms: amount, backupCheckMs: amount, startUpMs: amount, restoreMs: amount, checkMs: amount })
    .nullable(),
});
const restored = z.object({ ms: amount });

function drillOf(backup: string, { kind, at, value }: Annotation): BackupFact["drills"] {
  const { data } = drilled.safeParse(kind === "verification" ? value : undefined);
  if (data === undefined) return [];
  const { ok, problems, forms, rto } = data;
  return [
    {
      at,
      backup,
      verdict: ok ? "proven" : "damaged",
      rto,
      factsCompared: ok ? forms.reduce((sum, { factsCompared }) => sum + factsCompared, 0) : null,
      reason: ok ? null : problems.join("; "),
    },
  ];
}

function restoreOf({ kind, at, value }: Annotation): BackupFact["restores"] {
  const { data } = restored.safeParse(kind === "restore" ? value : undefined);
  return data === undefined ? [] : [{ at, ms: data.ms }];
}

/** What came into the store and what went, by its log; sizes of what is gone are those that reports of backups and prunes tell. */
export async function storeChanges(
  store: Store,
  sizes: ReadonlyMap<string, number>,
): Promise<Pick<ReportFacts, "changes" | "brokenLog">> {
  try {
    const changes = (await store.log()).flatMap(({ at, action, backup }) => {
      const bytes = sizes.get(backup);
      return bytes === undefined ? [] : { at, bytes: action === "publish" ? bytes : -bytes };
    });
    return { changes, brokenLog: null };
  } catch (thrown) {
    return { changes: [], brokenLog: toBackupError(thrown).message };
  }
}
