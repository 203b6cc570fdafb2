import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { BackupError, type Bytes, type ToolProcess } from "@sutazai/backup-core";
import { throwIfAborted } from "./classify-error.ts";
import { ToolSession, type Ended, type ToolHandle } from "./tool-session.ts";

/** A program of this host. */
export interface LocalToolSpec {
  /** The program, by path or as PATH finds it, and its arguments. Never a secret. */
  readonly command: readonly [program: string, ...arguments: string[]];
  /** Set beside this process's own environment. Secrets go here. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: Bytes;
  /** What to do where the program is not installed: the error's hint. */
  readonly missingHint?: string;
  readonly signal: AbortSignal;
}

/**
 * Starts a program of this host, in a process group of its own, which is killed whole. Throws `tool-missing` where it is not
 * installed. Where this process dies, the program sees its pipes close, as in a shell.
 */
export async function localTool(spec: LocalToolSpec): Promise<ToolProcess> {
  const operation = "containers.localTool";
  throwIfAborted(spec.signal, operation);
  const [program, ...rest] = spec.command;
  const child = spawn(program, rest, {
    detached: true,
    env: { ...process.env, ...spec.environment },
    stdio: [spec.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  // Registered before anything is awaited: a short run may be over by then.
  const exited = new Promise<Ended>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code: code ?? exitCodeOf(signal), outOfMemory: false }));
  });
  const { stdin, stdout, stderr } = child;
  for (const stream of [stdin, stdout, stderr]) stream?.on("error", () => undefined);
  try {
    await once(child, "spawn");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "EACCES") throw error;
    throw new BackupError("tool-missing", `the program ${program} is not installed, or may not be run (${code})`, {
      operation,
      hint: spec.missingHint ?? `install ${program}, or put its directory into PATH`,
      cause: error,
    });
  }
  return new ToolSession({
    name: program,
    signal: spec.signal,
    stdin: spec.stdin === undefined || stdin === null ? undefined : { source: spec.stdin, target: stdin },
    transfer: transferFrom(stdout as Bytes, stderr as Bytes),
    ended: () => exited,
    async release() {
      killGroup(child.pid);
      await exited;
      for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    },
  });
}

function transferFrom(stdout: Bytes, stderr: Bytes): ToolHandle["transfer"] {
  return async (sink, room) => {
    const written = (async () => {
      for await (const chunk of stdout) {
        sink.stdout(chunk);
        await room();
      }
    })();
    const complained = (async () => {
      for await (const chunk of stderr) sink.stderr(chunk);
    })();
    await Promise.all([written, complained]);
  };
}

/** The program and all that it started. Gone already: nothing to do. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** As a shell says it. */
function exitCodeOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}
