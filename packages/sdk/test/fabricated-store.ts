import type { Bytes, Manifest, ManifestDraft, Store } from "@sutazai/backup-core";

export const never: AbortSignal = new AbortController().signal;
const day = 86_400_000;

export interface Fabricated extends Partial<Omit<ManifestDraft, "startedAt">> {
  readonly database?: string;
  /** Days before now at which it was made. */
  readonly daysAgo: number;
  /** How its verification ended; none is noted where null. */
  readonly verification?: { readonly level: string; readonly ok: boolean } | null;
}

/** Publishes backups as a store would hold them after some time, in this order. Locks the store meanwhile. */
export async function fabricate(store: Store, backups: readonly Fabricated[]): Promise<Manifest[]> {
  await store.prepare();
  await using _lock = await store.lock("shared", { wait: true, signal: never });
  const made: Manifest[] = [];
  const now = Date.now();
  for (const { database = "db", daysAgo, verification, ...changes } of backups) {
    const at = new Date(now - daysAgo * day).toISOString();
    await using staged = await store.begin(database, "redis");
    await staged.write("lines.txt", text(`${database} ${at}\n`.repeat(20)));
    const manifest = await staged.publish({
      parents: [],
      runId: "run-1",
      purpose: "backup",
      status: "ok",
      startedAt: at,
      endedAt: at,
      madeBy: "sutazai-backup 0.0.0",
      serverVersion: "1",
      container: null,
      empty: false,
      incomplete: [],
      warnings: [],
      forms: [
        {
          name: "lines",
          method: "copy",
          capture: { from: at, to: at },
          pausedMs: 0,
          artifacts: ["lines.txt"],
          fingerprint: {},
          notCovered: [],
        },
      ],
      details: null,
      ...changes,
    });
    if (verification !== null) {
      await store.annotate(manifest.id, "verification", verification ?? { level: "structure", ok: true });
    }
    made.push(manifest);
  }
  return made;
}

/** One a day, the newest of today. */
export function daily(count: number, changes: Partial<Fabricated> = {}): Fabricated[] {
  return Array.from({ length: count }, (_, index) => ({ ...changes, daysAgo: count - 1 - index }));
}

async function* text(content: string): Bytes {
  yield Buffer.from(content);
}
