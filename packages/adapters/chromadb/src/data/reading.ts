import { fork } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
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

/** How long a reader waits for another order: one operation reads several times, and starting costs more than reading a small copy. */
const idleMs = 10_000;
const longestSaid = 2_000;

let idle: Reader | undefined;

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
  const reader = takeReader();
  const answer = await reader.answer({ what, extracted }, signal);
  giveBack(reader);
  if ("result" in answer) return answer.result as Readings[What];
  throw new BackupError(answer.problem.reason, answer.problem.message, answer.problem);
}

function takeReader(): Reader {
  const reader = idle?.hasEnded === false ? idle : new Reader();
  idle = undefined;
  return reader;
}

function giveBack(reader: Reader): void {
  if (idle?.hasEnded === false) return reader.end();
  reader.rest();
  idle = reader;
}

class Reader {
  readonly #process = fork(program, {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  readonly #closed: Promise<string>;
  #said = "";
  #hasEnded = false;
  #idling: NodeJS.Timeout | undefined;

  constructor() {
    const { stderr } = this.#process;
    stderr?.setEncoding("utf8").on("data", (text: string) => (this.#said = (this.#said + text).slice(-longestSaid)));
    // An order that cannot be sent to one that has ended; why, its end tells.
    this.#process.on("error", () => undefined);
    this.#closed = new Promise((resolve) => {
      this.#process.once("close", (code, ending) => resolve(ending ?? `exit code ${code}`));
    });
    void this.#closed.then(() => (this.#hasEnded = true));
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Where that fails, the process has ended afterwards. */
  async answer(order: Order, signal: AbortSignal): Promise<Answer> {
    clearTimeout(this.#idling);
    this.#hold("ref");
    const over = new AbortController();
    const end = () => this.end();
    signal.addEventListener("abort", end, { once: true, signal: over.signal });
    try {
      const answered = once(this.#process, "message", { signal: over.signal });
      this.#process.send(order);
      const [answer] = await Promise.race([answered, this.#closed.then(() => [])]);
      if (answer !== undefined) return answer as Answer;
    } catch {
      // Told below.
    } finally {
      over.abort();
    }
    end();
    const ending = await this.#closed;
    signal.throwIfAborted();
    throw new BackupError(
      "tool-failed",
      `the process that reads a copy ended without an answer: ${ending} ${this.#said}`.trim(),
      {
        operation: "chromadb.inspect",
        hint: "look whether this machine has memory left (`dmesg`), and run it again",
      },
    );
  }

  /** Waits for another order, and keeps nobody from ending meanwhile. */
  rest(): void {
    this.#hold("unref");
    this.#idling = setTimeout(() => this.end(), idleMs).unref();
  }

  end(): void {
    this.#hasEnded = true;
    this.#process.kill("SIGKILL");
  }

  #hold(how: "ref" | "unref"): void {
    this.#process[how]();
    this.#process.channel?.[how]();
    if (this.#process.stderr instanceof Socket) this.#process.stderr[how]();
  }
}
