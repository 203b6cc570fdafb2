import type { Fingerprint, MeasuredRto } from "@sutazai/backup-core";

/** How far a backup has been proven; each level goes further than the one before. */
export const verificationLevels = ["checksum", "structure", "restore"] as const;
export type VerificationLevel = (typeof verificationLevels)[number];

/**
 * What a look at a backup found; kept beside it as an annotation of kind `verification`. A type, not an interface: so
 * it is JSON to the compiler as well.
 */
export type Verification = {
  level: "checksum" | "structure";
  /** Nothing speaks against the backup at this level. */
  ok: boolean;
  /** Empty where it is ok. */
  problems: string[];
  evidence: Evidence;
  startedAt: string;
  endedAt: string;
};

/** What was looked at. */
export type Evidence = {
  /** Read to its end: files for `checksum`, artifacts for `structure`. */
  files: number;
  /** Stored bytes for `checksum`, plain bytes for `structure`. */
  bytes: number;
  /** Recorded facts that the artifacts themselves were found to agree with. */
  factsSettled: number;
  /** Names of the exact facts, by form, on which no artifact says anything: not settled by structure. */
  notSettled: Record<string, string[]>;
};

/** What a drill found; kept beside the backup in the same way. */
export type DrillVerification = {
  level: "restore";
  ok: boolean;
  problems: string[];
  /** What the servers were made from: an image's id, or the name that was given for it. */
  image: string;
  /** Bytes of memory they had. */
  memoryLimit: number;
  /** Every form of the backup, each in a server of its own. */
  forms: DrilledForm[];
  /** Of the first form, which a restore takes unless told otherwise; null where the drill failed. */
  rto: MeasuredRto | null;
  startedAt: string;
  endedAt: string;
};

export type DrilledForm = {
  name: string;
  method: string;
  /** As the server said it; null where it was not reached. */
  serverVersion: string | null;
  ok: boolean;
  problems: string[];
  /** As it was found last, each fact exact: bounds of a capture under writers are settled by it. Null where none was found. */
  fingerprint: Fingerprint | null;
  factsCompared: number;
  afterRestart: "equal" | "different" | "not reached";
  evidence: string[];
  warnings: string[];
  startUpMs: number;
  restoreMs: number;
  checkMs: number;
};

/** Times a look, and turns what it found into a verification. */
export async function verification(
  level: Verification["level"],
  look: () => Promise<{ problems: readonly string[]; evidence: Evidence }>,
): Promise<Verification> {
  const startedAt = new Date().toISOString();
  const { problems, evidence } = await look();
  return {
    level,
    ok: problems.length === 0,
    problems: [...problems],
    evidence,
    startedAt,
    endedAt: new Date().toISOString(),
  };
}
