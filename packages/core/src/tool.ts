import type { Bytes } from "./bytes.ts";
import { BackupError, type BackupErrorOptions } from "./error.ts";

/**
 * A running program: in a sidecar, in a container, or on this host. Disposing kills it if it still runs and returns
 * only when it, and everything made for it, is gone. An abort of the signal it was started with does the same.
 */
export interface ToolProcess extends AsyncDisposable {
  /**
   * Standard output with backpressure: an unread process blocks, it never fills memory. Its end says nothing about
   * success: await {@link exit}. Throws where the connection to the process is lost.
   */
  readonly stdout: Bytes;
  /** Settles when the process has ended and its output has been read (up to 256 KiB may be left unread) or discarded. Rejects on a lost connection, an abort, or when the given standard input threw. */
  readonly exit: Promise<ToolExit>;
}

export interface ToolExit {
  readonly code: number;
  readonly outOfMemory: boolean;
  /** The last 64 KiB of standard error. May quote user data: redact before showing. */
  readonly stderr: string;
}

/** Standard output of a tool that must succeed: throws `tool-failed` after the last byte where the exit code is not 0. */
export async function* outputOf(tool: ToolProcess, failure: ToolFailure): Bytes {
  await using process = tool;
  yield* process.stdout;
  assertSucceeded(await process.exit, failure);
}

/** Runs a tool whose output is small and wanted whole; throws where it fails or writes more than `limit` bytes. */
export async function textOf(
  tool: ToolProcess,
  failure: ToolFailure,
  limit: number = 16 * 1024 * 1024,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of outputOf(tool, failure)) {
    length += chunk.length;
    if (length > limit) throw new BackupError("tool-failed", `${failure.tool} wrote more than ${limit} bytes`, failure);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export interface ToolFailure extends BackupErrorOptions {
  /** The program's name, for the message. */
  readonly tool: string;
  /** Turns a failed exit into a more telling error; may return undefined for "no better one". */
  readonly classify?: (exit: ToolExit) => BackupError | undefined;
}

export function assertSucceeded(exit: ToolExit, failure: ToolFailure): void {
  if (exit.code === 0 && !exit.outOfMemory) return;
  const better = failure.classify?.(exit);
  if (better !== undefined) throw better;
  const why = exit.outOfMemory ? "was killed for want of memory" : `ended with exit code ${exit.code}`;
  const lastLines = exit.stderr.trim().split("\n").slice(-5).join("\n");
  throw new BackupError("tool-failed", `${failure.tool} ${why}${lastLines === "" ? "" : `: ${lastLines}`}`, {
    ...failure,
    ...(exit.outOfMemory && { details: { ...failure.details, outOfMemory: true } }),
  });
}
