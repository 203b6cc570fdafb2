import type { Annotation } from "@sutazai/backup-core";
import { verificationLevels, type VerificationLevel } from "./verification.ts";

/** What all verifications of a backup together say of it. */
export interface Standing {
  /** The highest level it has passed, and when it last did; undefined where it has passed none, or where it is known to be damaged. */
  readonly proven: ProvenLevel | undefined;
  /** The failure that makes it known as damaged: none of at least the same level was passed since. */
  readonly damage: ProvenLevel | undefined;
}

export interface ProvenLevel {
  readonly level: VerificationLevel;
  /** ISO 8601. */
  readonly at: string;
}

/** Reads annotations, oldest first. Those that are no verification are passed over. */
export function standingOf(annotations: readonly Annotation[]): Standing {
  const passed = new Map<number, ProvenLevel>();
  const failed = new Map<number, ProvenLevel>();
  for (const { kind, at, value } of annotations) {
    if (kind !== "verification" || typeof value !== "object" || value === null || Array.isArray(value)) continue;
    const rank = verificationLevels.findIndex((level) => level === value["level"]);
    const level = verificationLevels[rank];
    if (level === undefined || typeof value["ok"] !== "boolean") continue;
    if (!value["ok"]) failed.set(rank, { level, at });
    else {
      passed.set(rank, { level, at });
      // A later look of the same level, or a deeper one, has found nothing: what was wrong was not the backup.
      for (const lower of failed.keys()) if (lower <= rank) failed.delete(lower);
    }
  }
  const damage = highest(failed);
  return { proven: damage === undefined ? highest(passed) : undefined, damage };
}

function highest(found: ReadonlyMap<number, ProvenLevel>): ProvenLevel | undefined {
  return found.get(Math.max(...found.keys()));
}
