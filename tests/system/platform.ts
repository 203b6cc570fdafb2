import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackupEvent, BackupReport, DrillReport, RestoreReport } from "@sutazai/backup-core";
import type { PlannedRestore } from "@sutazai/backup-sdk";
import { startServer, type ServerKindName, type ServerOptions, type TestServer } from "@sutazai/backup-testkit";

/** The program of `sutazai-backup`. */
export const commandLine: string = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line against real servers, with a store and a state directory of its own. */
export interface Platform extends AsyncDisposable {
  readonly servers: readonly TestServer[];
  /** The one of a kind that was asked for. */
  server(kind: ServerKindName): TestServer;
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
  | { readonly type: "restore-plan"; readonly databases: readonly PlannedRestore[] }
  | { readonly type: "drill-report"; readonly report: DrillReport }
  | { readonly type: "recover-report"; readonly operations: readonly object[]; readonly running: readonly object[] }
  | {
      readonly type: "error";
      readonly error: { readonly reason: string; readonly message: string; readonly hint?: string };
    };

const options: Readonly<Partial<Record<ServerKindName, ServerOptions>>> = {
  redis: { arguments: ["--appendonly", "yes"] },
};

/** The variable that gives the secret of a kind; none where it has none. */
const secretVariables: Readonly<Partial<Record<ServerKindName, string>>> = {
  postgres: "BACKUP_POSTGRES_PASSWORD",
  redis: "BACKUP_REDIS_PASSWORD",
  qdrant: "BACKUP_QDRANT_API_KEY",
};

/** The further options are for all servers. */
export async function startPlatform(
  kinds: readonly ServerKindName[] = ["postgres", "redis"],
  more: Pick<ServerOptions, "environment" | "labels"> = {},
): Promise<Platform> {
  const directory = await mkdtemp(join(tmpdir(), "sutazai-system-"));
  await using started = new AsyncDisposableStack();
  const servers = await Promise.all(
    kinds.map(async (kind) => started.use(await startServer(kind, { ...options[kind], ...more }))),
  );
  const environment: Record<string, string> = {
    BACKUP_DIR: join(directory, "backups"),
    BACKUP_STATE_DIR: join(directory, "state"),
  };
  for (const { kind, name, password } of servers) {
    environment[`BACKUP_${kind.toUpperCase()}_CONTAINER`] = name;
    const variable = secretVariables[kind];
    if (variable !== undefined) environment[variable] = password.reveal();
  }
  const server = (kind: ServerKindName): TestServer => {
    const found = servers.find((candidate) => candidate.kind === kind);
    if (found === undefined) throw new Error(`this platform was started without ${kind}`);
    return found;
  };
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    spawn(process.execPath, [commandLine, ...args], {
      cwd: directory,
      env: { ...process.env, ...environment, ...more },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const run = (args: readonly string[], more?: Readonly<Record<string, string>>) => finished(start(args, more));
  const owned = started.move();
  return {
    servers,
    server,
    get postgres() {
      return server("postgres");
    },
    get redis() {
      return server("redis");
    },
    directory,
    environment,
    start,
    run,
    json: async (args, more) => {
      const result = await run([...args, "--json"], more);
      return { ...result, lines: linesOf(result.stdout) };
    },
    [Symbol.asyncDispose]: async () => {
      await owned.disposeAsync();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What `--json` printed. */
export function linesOf(stdout: string): JsonLine[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonLine);
}

/** Waits for a child to end and collects what it printed. */
export function finished(child: ChildProcess): Promise<CliResult> {
  const text = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text.stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (text.stderr += chunk));
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, ...text })));
}
