import { exitCode } from "./exit-codes.ts";

/** How a stream says that whoever read it is gone: the other end of a pipe, a terminal. */
const readerGone: ReadonlySet<unknown> = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);

/**
 * Goes on where nobody reads any more what is said: a backup under way comes to its end, and its exit code tells how that was. A result that could
 * not be written though somebody waits for it (the disk is full that it goes to) is a failure, unless there is a worse one.
 */
export function outliveReaders(): void {
  process.stderr.on("error", () => undefined); // There is no other place to tell.
  let isLost = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (readerGone.has(error.code) || isLost) return;
    isLost = true;
    process.stderr.write(`sutazai-backup: standard output could not be written: ${error.message}\n`);
  });
  process.on("exit", () => {
    if (isLost && (process.exitCode ?? exitCode.ok) === exitCode.ok) process.exitCode = exitCode.failed;
  });
}
