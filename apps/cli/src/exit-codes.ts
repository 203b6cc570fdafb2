import type { Look, PlannedRestore } from "@sutazai/backup-sdk";
import type { BackupErrorReason, BackupReport, DrillReport, Outcome, SerializedError } from "@sutazai/backup-core";

/** Documented in `docs/exit-codes.md`; stable. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  refused: 4,
  locked: 5,
  verificationFailed: 6,
  cancelled: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

const ofReason: Readonly<Partial<Record<BackupErrorReason, ExitCode>>> = {
  configuration: exitCode.usage,
  locked: exitCode.locked,
  refused: exitCode.refused,
  cancelled: exitCode.cancelled,
};

export function exitCodeOfError({ reason }: { readonly reason: BackupErrorReason }): ExitCode {
  return ofReason[reason] ?? exitCode.failed;
}

interface Result {
  readonly status: Outcome;
  readonly error?: SerializedError;
  readonly state?: string;
}

const protective: ReadonlySet<BackupErrorReason> = new Set([
  "corrupt",
  "incompatible-version",
  "unsupported",
  "mismatch",
]);

/** The code of a run: 3 as soon as some succeeded and some did not; otherwise what all failures have in common, or 1. */
export function exitCodeOfRun({
  status,
  databases,
}: {
  readonly status: Outcome;
  readonly databases: readonly Result[];
}): ExitCode {
  if (status !== "failed") return exitCode[status];
  const codes = new Set(
    databases.map(({ error, state }) => {
      if (error === undefined) return exitCode.failed;
      return state === "untouched" && protective.has(error.reason) ? exitCode.refused : exitCodeOfError(error);
    }),
  );
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exitCode.failed;
}

/** 0 where all would be restored; otherwise the code that the restore itself would end with, or 3. */
export function exitCodeOfPlans(databases: readonly Pick<PlannedRestore, "error">[]): ExitCode {
  const refused = databases.filter(({ error }) => error !== undefined);
  const status = refused.length === 0 ? "ok" : refused.length === databases.length ? "failed" : "partial";
  return exitCodeOfRun({
    status,
    databases: refused.map(({ error }) => ({ status, state: "untouched", ...(error !== undefined && { error }) })),
  });
}

/** 6 as soon as one backup has failed its drill; otherwise as for any run. */
export function exitCodeOfDrill(report: DrillReport): ExitCode {
  if (report.databases.some(({ verdict }) => verdict === "damaged")) return exitCode.verificationFailed;
  return exitCodeOfRun(report);
}

/** The same where a backup was to be proven at once. */
export function exitCodeOfBackup(report: BackupReport): ExitCode {
  if (report.databases.some(({ drill }) => drill?.verdict === "damaged")) return exitCode.verificationFailed;
  return exitCodeOfRun(report);
}

/** What is only to be known is well. */
export function exitCodeOfLook({ status }: Pick<Look, "status">): ExitCode {
  return { ok: exitCode.ok, warning: exitCode.partial, critical: exitCode.failed }[status];
}
