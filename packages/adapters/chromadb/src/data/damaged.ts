import { BackupError, type BackupErrorOptions } from "@sutazai/backup-core";

/** A copy of a data directory that the server would not take, or would lose records of. */
export function damaged(problem: string, options: BackupErrorOptions = {}): BackupError {
  return new BackupError("corrupt", `the copy of the data directory cannot be trusted: ${problem}`, {
    operation: "chromadb.inspect",
    hint: "use another backup, or the form `export` of this one",
    ...options,
  });
}
