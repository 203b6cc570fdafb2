import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { dockerRuntime } from "@sutazai/backup-containers";
import {
  Journal,
  silentLogger,
  type ArtifactSink,
  type ArtifactSource,
  type ContainerRuntime,
  type DatabaseAdapter,
  type FoundOperation,
  type JournalOperation,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { connectPostgres, MemoryBackup, startServer, type Connection, type TestServer } from "@sutazai/backup-testkit";
import type { Client } from "pg";

const wholeRestore: RestoreOptions = { form: "sql", method: "staged", only: undefined };

/** A server, and operations of adapters on it as the engine runs them. */
export class Bench implements AsyncDisposable {
  readonly server: TestServer;
  readonly #directory: string;
  readonly #journal: Journal;
  readonly containers: ContainerRuntime = dockerRuntime();

  constructor(server: TestServer, directory: string) {
    this.server = server;
    this.#directory = directory;
    this.#journal = new Journal(join(directory, "journal"));
  }

  static async open(serverArguments: readonly string[] = []): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), "postgres-test-"));
    return new Bench(await startServer("postgres", { arguments: serverArguments }), directory);
  }

  /** Runs an SQL script with psql, inside the server's container. */
  async script(file: string): Promise<void> {
    const text = (await readFile(file)).toString("base64");
    for (let at = 0; at < text.length; at += 60_000) {
      await this.#shell(`printf %s '${text.slice(at, at + 60_000)}' >> /tmp/script.base64`);
    }
    await this.#shell(
      "base64 -d /tmp/script.base64 > /tmp/script.sql && psql -q -U postgres -o /dev/null -f /tmp/script.sql; code=$?; rm /tmp/script.*; exit $code",
    );
  }

  async #shell(command: string): Promise<void> {
    const { exitCode, stderr, stdout } = await this.server.exec(["bash", "-c", command]);
    if (exitCode !== 0) throw new Error(`${exitCode}: ${stderr}${stdout}`);
  }

  connect(database = "postgres"): Promise<Connection<Client>> {
    return connectPostgres(this.server, database);
  }

  async query<Row extends object>(text: string, database = "postgres"): Promise<Row[]> {
    await using connection = await this.connect(database);
    return (await connection.client.query<Row>(text)).rows;
  }

  /** Runs work in a context whose journal is then settled: undone where it failed. */
  async run<Result>(
    adapter: DatabaseAdapter,
    work: (context: OperationContext) => Promise<Result>,
    options: {
      readonly settle?: "undo" | "finish";
      readonly signal?: AbortSignal;
      /** Stands between the adapter and the journal; its failures are like the process's death. */
      readonly journal?: (journal: JournalOperation) => JournalOperation;
    } = {},
  ): Promise<Result> {
    const recovery = { logger: silentLogger, containers: this.containers, scratch: this.#directory };
    const operation = await this.#journal.begin(
      { command: "test", database: adapter.name },
      (record) => (record.part === "containers" ? this.containers : adapter),
      recovery,
    );
    const context: OperationContext = {
      ...recovery,
      signal: options.signal ?? new AbortController().signal,
      progress: () => undefined,
      journal: options.journal?.(operation) ?? operation,
    };
    try {
      const result = await work(context);
      await operation.close(options.settle ?? "finish");
      return result;
    } catch (error) {
      await operation.close("undo");
      throw error;
    }
  }

  async backup(adapter: DatabaseAdapter, sink?: (backup: MemoryBackup) => ArtifactSink): Promise<MemoryBackup> {
    const backup = new MemoryBackup();
    const startedAt = new Date();
    const facts = await this.run(adapter, (context) => adapter.backup(context, sink?.(backup) ?? backup));
    return backup.seal(adapter, facts, startedAt);
  }

  restore(
    adapter: DatabaseAdapter,
    source: ArtifactSource,
    options: Partial<RestoreOptions> & Parameters<Bench["run"]>[2] = {},
  ): Promise<RestoreFacts> {
    const { only, settle, signal, journal } = options;
    return this.run(adapter, (context) => adapter.restore(context, source, { ...wholeRestore, only }), {
      ...(settle !== undefined && { settle }),
      ...(signal !== undefined && { signal }),
      ...(journal !== undefined && { journal }),
    });
  }

  fingerprint(adapter: DatabaseAdapter): ReturnType<DatabaseAdapter["fingerprint"]> {
    return this.run(adapter, (context) => adapter.fingerprint(context, "sql"));
  }

  unsettled(): Promise<FoundOperation[]> {
    return this.#journal.list();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
