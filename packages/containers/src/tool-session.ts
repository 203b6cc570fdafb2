import type { Writable } from "node:stream";
import { BackupError, type Bytes, type ToolExit, type ToolProcess } from "@sutazai/backup-core";
import { abortError, classifyError } from "./classify-error.ts";
import type { OutputSink } from "./demultiplexer.ts";
import { Handover } from "./handover.ts";
import { Tail } from "./tail.ts";

/** How a process ended. */
export type Ended = Pick<ToolExit, "code" | "outOfMemory">;

/** What a tool session needs to know of the process behind it. */
export interface ToolHandle {
  /** For messages: `sidecar pg_dump`. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly stdin: { readonly source: Bytes; readonly target: Writable } | undefined;
  /** Reads the output to its end into the sink, waiting for `room` after every chunk. Throws where it was cut off. */
  transfer(sink: OutputSink, room: () => Promise<void> | undefined): Promise<void>;
  /** Asked once the output has ended. Settles when the process has, too; rejects where that cannot be known any more. */
  ended(): Promise<Ended>;
  /** Kills what still runs and removes everything made for it; returns when it is gone. Called once. */
  release(): Promise<void>;
}

const stdoutLimit = 256 * 1024;
const stderrLimit = 64 * 1024;

/** After the output has ended the process has too, as good as always; a busy machine needs a while to say so. */
const endGraceMs = 30_000;

/** One run of a tool, wherever it runs: feeds, reads, waits, and lets go of everything at the end, however it comes. */
export class ToolSession implements ToolProcess {
  readonly stdout: Bytes;
  readonly exit: Promise<ToolExit>;
  readonly #handle: ToolHandle;
  readonly #output: Handover;
  readonly #stderr = new Tail(stderrLimit);
  #stop!: (error: BackupError) => void;

  constructor(handle: ToolHandle) {
    this.#handle = handle;
    this.#output = new Handover(stdoutLimit, () => this[Symbol.asyncDispose]());
    this.stdout = this.#output;
    this.exit = this.#run();
    // Whoever reads stdout to its end has seen the error there and need not ask a second time.
    this.exit.catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop(new BackupError("cancelled", `${this.#handle.name} was stopped before it had ended`));
    await this.exit.catch(() => undefined);
  }

  async #run(): Promise<ToolExit> {
    const { signal, name } = this.#handle;
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    const abort = () => this.#stop(abortError(signal, "containers.tool"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const status = await Promise.race([stopped, this.#complete()]);
      this.#output.end();
      await this.#handle.release();
      return { ...status, stderr: this.#stderr.toString() };
    } catch (thrown) {
      const error = classifyError(thrown, { operation: "containers.tool" });
      this.#output.fail(error);
      await this.#handle.release().catch((failure: unknown) => {
        throw classifyError(failure, {
          operation: "containers.tool",
          hint: `${name} may still run: remove it by hand, or let the next command clear it away`,
        });
      });
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #complete(): Promise<Ended> {
    const { stdin, name } = this.#handle;
    const output = (async () => {
      await this.#handle.transfer(
        { stdout: (data) => this.#output.write(data), stderr: (data) => this.#stderr.write(data) },
        () => (this.#output.isFull ? this.#output.room() : undefined),
      );
      return withinGrace(this.#handle.ended(), name);
    })();
    if (stdin === undefined) return output;
    // A tool may end well without reading all of its input; input that fails must never look like input that ended.
    const fed = feed(stdin.source, stdin.target).then(() => output);
    return Promise.race([output, fed]);
  }
}

/** A process that outlives its output by far has not closed it: the stream was lost. */
async function withinGrace(ended: Promise<Ended>, name: string): Promise<Ended> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new BackupError("connection", `the output of ${name} ended, but it is still running: its stream was lost`, {
          hint: "see whether a proxy before the Docker daemon cuts long connections, then try again",
        }),
      );
    }, endGraceMs);
  });
  try {
    return await Promise.race([ended, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes the source into the target with backpressure and half-closes it; ends early where nobody reads any more. */
async function feed(source: Bytes, target: Writable): Promise<void> {
  for await (const chunk of source) {
    if (target.destroyed) return;
    if (chunk.length > 0 && !target.write(chunk)) await drained(target);
  }
  if (!target.destroyed) target.end();
}

function drained(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      target.off("drain", done);
      target.off("close", done);
      resolve();
    };
    target.on("drain", done);
    target.on("close", done);
    if (target.destroyed) done();
  });
}
