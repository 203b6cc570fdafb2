import type { Manifest } from "@sutazai/backup-core";
import type { VerificationLevel } from "./policy.ts";

/** What retention needs to know of a listed backup. */
export type RetentionFacts = ReadableBackup | UnreadableBackup;

export interface ReadableBackup extends Pick<
  Manifest,
  "id" | "sequence" | "parents" | "purpose" | "status" | "startedAt" | "empty"
> {
  readonly unreadable?: undefined;
  /** The highest level passed since the last verification that failed. */
  readonly passed?: VerificationLevel | undefined;
  /** Its last verification failed. */
  readonly damaged: boolean;
  /** Why somebody wants it kept. */
  readonly pinned?: string | undefined;
  /** Who is using it. */
  readonly inUse?: string | undefined;
}

/** Listed, but its manifest cannot be read. Never deleted: a person should look. */
export interface UnreadableBackup {
  readonly id: string;
  /** Why. */
  readonly unreadable: string;
  /** It may be sound, and need others: written by a newer version, or not readable at the moment only. */
  readonly mayNeedOthers: boolean;
}

/**
 * What a backup is to retention. Only `good` ones count for the rules; those of another standing are counted apart, so that they never push a
 * good one out. `unproven`: complete by its manifest, but with no verification passed.
 */
export type RetentionStanding = "good" | "partial" | "unproven" | "damaged" | "safety" | "unreadable";

export interface RetentionDecision {
  readonly id: string;
  readonly standing: RetentionStanding;
  readonly action: "keep" | "delete";
  /** All that apply; at least one. */
  readonly reasons: readonly string[];
}

export interface RetentionPlan {
  /** In the order given. */
  readonly decisions: readonly RetentionDecision[];
  /** Why nothing should be deleted unless somebody has looked: the clock may have jumped. */
  readonly unusual: readonly string[];
}
