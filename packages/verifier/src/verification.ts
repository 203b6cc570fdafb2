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
