import { createHash } from "node:crypto";
import { BackupError, type StoredBackup } from "@sutazai/backup-core";
import { storedBytes } from "../backup/take-backup.ts";

/** One of several runs that together go through everything. */
export interface Share {
  /** From 1 to `of`. */
  readonly number: number;
  readonly of: number;
}

/** What of a store a run went through. */
export interface Coverage {
  readonly share: Share;
  readonly backups: number;
  /** As stored. */
  readonly bytes: number;
  /** Of all that there were to go through. */
  readonly allBackups: number;
  readonly allBytes: number;
}

/**
 * Whether a backup is in a share: by its id alone, so that it stays in its share whatever else comes and goes, and every backup is in exactly
 * one of the shares 1 to `of`.
 */
function isInShare(id: string, { number, of }: Share): boolean {
  return createHash("sha256").update(id).digest().readUIntBE(0, 6) % of === number - 1;
}

const everything: Share = { number: 1, of: 1 };

/** Those of the share, and tells how many of all they are. Throws `configuration` for a share that there is none of. */
export function shareOf(
  all: readonly StoredBackup[],
  { share = everything, onCoverage }: { readonly share?: Share; readonly onCoverage?: (coverage: Coverage) => void },
): StoredBackup[] {
  const { number, of } = share;
  if (!Number.isInteger(number) || !Number.isInteger(of) || number < 1 || number > of) {
    throw new BackupError("configuration", `there is no share ${number}/${of}`, {
      operation: "verify",
      hint: "shares are 1/n to n/n: for all in seven runs, 1/7 to 7/7",
    });
  }
  const chosen = all.filter(({ id }) => isInShare(id, share));
  onCoverage?.({
    share,
    backups: chosen.length,
    bytes: bytesOf(chosen),
    allBackups: all.length,
    allBytes: bytesOf(all),
  });
  return chosen;
}

function bytesOf(backups: readonly StoredBackup[]): number {
  return backups.reduce((sum, { manifest }) => sum + (manifest === undefined ? 0 : storedBytes(manifest)), 0);
}
