import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BackupError, type SerializedError } from "@sutazai/backup-core";
import type { DataContent } from "./content.ts";
import type { Extracted } from "./extract.ts";

/** What can be read of a copy. */
interface Readings {
  readonly content: DataContent;
  /** The tenants alone. */
  readonly tenants: readonly string[];
}

/** What the reading process is told. */
export interface Order {
  readonly what: keyof Readings;
  readonly extracted: Extracted;
}

/** What it answers. */
export type Answer = { readonly result: Readings[keyof Readings] } | { readonly problem: SerializedError };

/** Beside this module, in the sources and as built. */
const program = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "reader.ts" : "reader.js", import.meta.url));

const longestSaid = 2_000;

/**
 * Reads an unpacked copy in a process of its own, which the signal ends: SQLite checks a large file for seconds, and a hostile one for as long as it
 * likes, without letting anything else go on meanwhile. Throws what reading it throws.
 */
export async function readApart<What extends keyof Readings>(
  what: What,
  extracted: Extracted,
  signal: AbortSignal,
): Promise<Readings[What]> {
  signal.throwIfAborted();
  const reader = fork(program, {
    execArgv: [],
    // What SQLite sorts on disk belongs into the scratch directory too.
    env: { ...process.env, SQLITE_TMPDIR: extracted.directory },
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    signal,
    killSignal: "SIGKILL",
  });
  let answer: Answer | undefined;
  let failure: unknown;
  let said = "";
  reader.on("message", (message) => (answer = message as Answer));
  reader.on("error", (error) => (failure ??= error));
  reader.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-longestSaid)));
  const closed = new Promise<string>((resolve) => {
    reader.once("close", (code, ending) => resolve(ending ?? `exit code ${code}`));
  });
  const order: Order = { what, extracted };
  reader.send(order);
  const ending = await closed;
  signal.throwIfAborted();
  if (answer !== undefined && "result" in answer) return answer.result as Readings[What];
  if (answer !== undefined) throw new BackupError(answer.problem.reason, answer.problem.message, answer.problem);
  throw new BackupError(
    "tool-failed",
    `the process that reads a copy ended without an answer: ${ending} ${said}`.trim(),
    {
      operation: "chromadb.inspect",
      hint: "look whether this machine has memory left (`dmesg`), and run it again",
      cause: failure,
    },
  );
}
