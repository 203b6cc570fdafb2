import { BackupError, compareFingerprints, describeDifference, type Fingerprint } from "@sutazai/backup-core";

/** Throws `mismatch` where they differ. */
export function assertSame(expected: Fingerprint, found: Fingerprint, when: string): void {
  const differences = compareFingerprints(expected, found);
  if (differences.length === 0) return;
  throw new BackupError(
    "mismatch",
    `what was restored is not what was backed up, ${when}: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
    {
      operation: "chromadb.restore",
      hint: "the restore is undone; verify this backup (`sutazai-backup verify --level restore`), and use another one if it fails",
      details: { differences: differences.length },
    },
  );
}
