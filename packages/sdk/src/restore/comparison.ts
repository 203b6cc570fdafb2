import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  toBackupError,
  type DatabaseAdapter,
  type Fingerprint,
  type Manifest,
  type OperationContext,
} from "@sutazai/backup-core";
import { isRaw } from "./raw-form.ts";

/** Throws `mismatch` where what was restored is not what was backed up. */
export function assertEqual(
  { expected, fingerprint }: { readonly expected: Fingerprint; readonly fingerprint: Fingerprint },
  database: string,
): void {
  const differences = compareFingerprints(expected, fingerprint);
  if (differences.length === 0 && Object.keys(expected).length > 0) return;
  throw new BackupError("mismatch", `what was restored is not what was backed up: ${describe(differences)}`, {
    operation: "restore.validate",
    database,
    hint: "it was rolled back; verify the backup (`sutazai-backup verify`) and try another one",
    details: { differences: differences.length },
  });
}

/** What a look at what a rollback put back came to. */
export interface RollbackComparison {
  readonly told: string;
  /** It was compared, and is not as the safety backup says. */
  readonly differs: boolean;
}

/** After a rollback: whether the database is as the safety backup says. Does not throw. */
export async function compareWithSafety(
  adapter: DatabaseAdapter,
  context: OperationContext,
  safety: Manifest | undefined,
): Promise<RollbackComparison> {
  if (safety === undefined) return alike("not compared: there is no safety backup");
  if (isRaw(safety.forms)) return alike(`not compared: safety backup ${safety.id} holds raw files`);
  const form = formOf(safety);
  try {
    const differences = compareFingerprints(form.fingerprint, await adapter.fingerprint(context, form.name));
    const compared = `compared with safety backup ${safety.id}`;
    return differences.length === 0
      ? alike(`${compared}: equal in ${Object.keys(form.fingerprint).length} facts`)
      : { told: `${compared}: ${differences.length} facts differ: ${describe(differences)}`, differs: true };
  } catch (thrown) {
    return notComparable(safety.id, thrown);
  }
}

export function notComparable(backup: string | undefined, error: unknown): RollbackComparison {
  return alike(`could not be compared with safety backup ${backup}: ${toBackupError(error).message}`);
}

function alike(told: string): RollbackComparison {
  return { told, differs: false };
}

function describe(differences: ReturnType<typeof compareFingerprints>): string {
  if (differences.length === 0) return "there was nothing to compare";
  const shown = differences.slice(0, 3).map(describeDifference).join("; ");
  return differences.length > 3 ? `${shown}; and ${differences.length - 3} more` : shown;
}
