import { BackupError } from "@sutazai/backup-core";

/** `corrupt`, with the byte of the encoded stream at which the damaged frame or member (or the junk) begins. */
export function damaged(format: "zstd" | "gzip", offset: number, problem: string, cause?: unknown): BackupError {
  return new BackupError("corrupt", `the ${format} stream is damaged at byte ${offset}: ${problem}`, {
    operation: `${format}.decode`,
    hint: "Use another backup; what is stored is not what was written.",
    details: { offset },
    cause,
  });
}
