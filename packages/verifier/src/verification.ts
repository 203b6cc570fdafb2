/** What a pass over one backup found. JSON: it is kept beside the backup as an annotation of kind `verification`. */
export interface Verification {
  readonly level: "checksum" | "structure";
  /** True only where everything was looked at and nothing was found wrong. */
  readonly ok: boolean;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  /** What was looked at. */
  readonly evidence: {
    readonly artifacts: number;
    /** Plain bytes at level `structure`, stored bytes at level `checksum`. */
    readonly bytes: number;
    /** Facts of the fingerprints that were found again in the artifacts. */
    readonly factsConfirmed: number;
    /** Exact facts that no artifact settles on its own: only a restore can. */
    readonly factsOpen: number;
  };
  readonly startedAt: string;
  readonly endedAt: string;
}
