import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackupEvent, BackupReport, RestoreReport } from "@sutazai/backup-core";
import { startServer, type TestServer } from "@sutazai/backup-testkit";

const main = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line against real servers, with a store and a state directory of its own. */
export interface Platform extends AsyncDisposable {
  readonly postgres: TestServer;
  readonly redis: TestServer;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Starts `sutazai-backup` and leaves it running. */
  start(args: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs `sutazai-backup` to its end. */
  run(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<CliResult>;
  /** The same with `--json`, read. */
  json(
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<CliResult & { readonly lines: readonly JsonLine[] }>;
}

export type JsonLine =
  | BackupEvent
  | { readonly type: "backup-report"; readonly report: BackupReport }
  | { readonly type: "restore-report"; readonly report: RestoreReport }
  | { readonly type: "recover-report"; readonly operations: readonly object[]; readonly running: readonly object[] }
  | {
      readonly type: "error";
      readonly error: { readonly reason: string; readonly message: string; readonly hint?: string };
    };

export async function startPlatform(): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "sutazai-system-"));
  const [postgres, redis] = await Promise.all([
    startServer("postgres"),
    startServer("redis", { arguments: ["--appendonly", "yes"] }),
  ]);
  const environment = {
    BACKUP_DIR: join(directory, "backups"),
    BACKUP_STATE_DIR: join(directory, "state"),
    BACKUP_POSTGRES_CONTAINER: postgres.name,
    BACKUP_POSTGRES_PASSWORD: postgres.password.reveal(),
    BACKUP_REDIS_CONTAINER: redis.name,
    BACKUP_REDIS_PASSWORD: redis.password.reveal(),
  };
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    spawn(process.execPath, [main, ...args], {
      cwd: directory,
      env: { ...process.env, ...environment, ...more },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const run = (args: readonly string[], more?: Readonly<Record<string, string>>) => finished(start(args, more));
  return {
    postgres,
    redis,
    directory,
    environment,
    start,
    run,
    json: async (args, more) => {
      const result = await run([...args, "--json"], more);
      const lines = result.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as JsonLine);
      return { ...result, lines };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Waits for a child to end and collects what it printed. */
export function finished(child: ChildProcess): Promise<CliResult> {
  const text = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text.stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (text.stderr += chunk));
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...text })));
}
