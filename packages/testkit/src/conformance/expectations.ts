import {
  compareFingerprints,
  describeDifference,
  isBackupError,
  toBackupError,
  type AdapterCapabilities,
  type BackupError,
  type BackupErrorReason,
  type Fingerprint,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { expect } from "vitest";

/** The error that a call ends with: a `BackupError` that names the database and says what to do, of one of the reasons given. */
export async function failureOf(
  attempt: Promise<unknown>,
  database: string,
  ...reasons: BackupErrorReason[]
): Promise<BackupError> {
  const outcome = await attempt.then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  if (outcome === undefined) throw new Error("it succeeded, and should have failed");
  const error = toBackupError(outcome.thrown);
  if (!isBackupError(outcome.thrown)) {
    throw new Error("not a BackupError but what a driver or a tool threw", { cause: outcome.thrown });
  }
  if (reasons.length > 0 && !reasons.includes(error.reason)) {
    throw new Error(`failed for the wrong reason, ${error.reason}: ${error.message}`, { cause: error });
  }
  expect(error.database, "the error names its database").toBe(database);
  return error;
}

/** The same, for what a person has to put right: it must say how. */
export async function advisedFailureOf(
  attempt: Promise<unknown>,
  database: string,
  ...reasons: BackupErrorReason[]
): Promise<BackupError> {
  const error = await failureOf(attempt, database, ...reasons);
  expect(error.hint, `a hint for: ${error.message}`).toMatch(/\w/);
  return error;
}

export function expectEqual(expected: Fingerprint, actual: Fingerprint): void {
  expect(compareFingerprints(expected, actual).map(describeDifference)).toEqual([]);
}

/** Every way to restore that the capabilities allow to be asked for. */
export function waysToRestore(capabilities: AdapterCapabilities): RestoreOptions[] {
  return capabilities.forms.flatMap(({ name: form }) =>
    capabilities.restoreMethods.map(({ name: method }) => ({ form, method, only: undefined })),
  );
}

export function firstWay(capabilities: AdapterCapabilities): RestoreOptions {
  const [way] = waysToRestore(capabilities);
  if (way === undefined) throw new Error("an adapter has at least one form and one restore method");
  return way;
}
