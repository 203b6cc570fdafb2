import { execFile } from "node:child_process";
import { BackupError } from "@sutazai/backup-core";

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most half a minute. Throws `tool-missing` where there is none of that name, `timeout`. */
export type RunProgram = (program: string, args: readonly string[], input?: string) => Promise<ProgramResult>;

export const runProgram: RunProgram = (program, args, input = "") => {
  const { promise, resolve, reject } = Promise.withResolvers<ProgramResult>();
  const environment = { ...process.env, LC_ALL: "C" };
  const child = execFile(program, args, { timeout: 30_000, env: environment }, (error, stdout, stderr) => {
    if (error === null) resolve({ code: 0, stdout, stderr });
    else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
    else reject(failureOf(program, error));
  });
  // It may have ended before it read anything: its exit code tells.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return promise;
};

function failureOf(program: string, error: Error & { code?: unknown }): BackupError {
  if (error.code === "ENOENT") {
    return new BackupError("tool-missing", `there is no program ${program} on this host`, {
      operation: "schedule",
      hint: "choose another with --as systemd or --as cron, or run `sutazai-backup daemon`",
      cause: error,
    });
  }
  return new BackupError("timeout", `${program} did not answer in time`, { operation: "schedule", cause: error });
}

/** Its output. Throws `tool-failed` where it ends with another code than 0. */
export async function outputOf(run: RunProgram, program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code === 0) return stdout;
  throw new BackupError("tool-failed", `${program} ${args.join(" ")} ended with ${code}: ${stderr.trim()}`, {
    operation: "schedule",
    hint: `run it by hand to see what is wrong: ${program} ${args.join(" ")}`,
  });
}
