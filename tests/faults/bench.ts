import { spawn } from "node:child_process";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DatabaseAdapter } from "@sutazai/backup-core";
import { createBackupSystem, localStore, type BackupSystem } from "@sutazai/backup-sdk";
import type { ServerKindName, TestServer } from "@sutazai/backup-testkit";
import { demoDatabases } from "../../examples/demo/databases.ts";
import { differences, witness } from "../../examples/demo/witness.ts";
import { commandLine, finished, startPlatform, type CliResult, type Platform } from "../system/platform.ts";
import { content } from "./content.ts";
import { DockerProxy } from "./docker-proxy.ts";
import { isStopped } from "./processes.ts";
import { deedVariable, directoryVariable, type Deed, type Moment } from "./moments.ts";
import { SmallDisk } from "./small-disk.ts";

export const operations = ["backup", "restore", "drill", "prune"] as const;
export type Operation = (typeof operations)[number];

const preload = fileURLToPath(new URL("preload.ts", import.meta.url));

/** A command that runs, and the moments that it has come to. */
export interface Running {
  readonly pid: number;
  readonly moments: readonly Moment[];
  readonly end: Promise<CliResult>;
  /** When it stands still as it was told to; false where it ended before. */
  standsStill(): Promise<boolean>;
  goOn(): void;
  kill(): void;
}

/** Real servers, and a store with three backups of each on a small disk; every trial begins with the same. */
export class FaultBench implements AsyncDisposable {
  readonly platform: Platform;
  readonly docker: DockerProxy;
  readonly disk: SmallDisk;
  /** What the backups hold, and their ids, oldest first. */
  readonly original = new Map<ServerKindName, ReadonlyMap<string, string>>();
  readonly backups = new Map<ServerKindName, readonly string[]>();
  readonly #owned: AsyncDisposableStack;

  private constructor(platform: Platform, docker: DockerProxy, disk: SmallDisk, owned: AsyncDisposableStack) {
    this.platform = platform;
    this.docker = docker;
    this.disk = disk;
    this.#owned = owned;
  }

  static async make(kinds: readonly ServerKindName[]): Promise<FaultBench> {
    await using made = new AsyncDisposableStack();
    const platform = made.use(await startPlatform(kinds));
    const disk = made.use(await SmallDisk.at(join(platform.directory, "disk"), "64m"));
    const docker = made.use(await DockerProxy.at(join(platform.directory, "docker.sock")));
    const bench = new FaultBench(platform, docker, disk, made.move());
    try {
      await Promise.all(platform.servers.map((server) => content[server.kind].fill(server)));
      for (const server of platform.servers) bench.original.set(server.kind, await bench.held(server.kind));
      for (let count = 0; count < 3; count += 1) {
        const { status, databases } = await bench.system().backup();
        if (status !== "ok") throw new Error(`the bench cannot be backed up: ${JSON.stringify(databases)}`);
      }
      for (const kind of kinds)
        bench.backups.set(
          kind,
          (await bench.system().list(kind)).map(({ id }) => id),
        );
      await cp(bench.store, join(bench.#template, "store"), { recursive: true });
      // Without the sockets by which processes show that they live: no file to copy, and this one goes on living.
      const filter = (path: string) => path !== join(bench.state, "processes");
      await cp(bench.state, join(bench.#template, "state"), { recursive: true, filter });
      return bench;
    } catch (error) {
      await bench[Symbol.asyncDispose]();
      throw error;
    }
  }

  get store(): string {
    return join(this.disk.path, "store");
  }

  get state(): string {
    return join(this.platform.directory, "state");
  }

  get #template(): string {
    return join(this.platform.directory, "template");
  }

  server(kind: ServerKindName): TestServer {
    return this.platform.server(kind);
  }

  /** In this process, which knows nothing of the faults: it is the next command. */
  system(): BackupSystem {
    const adapters = this.platform.servers.map((server): DatabaseAdapter => demoDatabases[server.kind].adapter(server));
    return createBackupSystem({
      databases: adapters,
      store: localStore({ path: this.store }),
      stateDirectory: this.state,
    });
  }

  /** Puts store and state back as they were, and into the database something else than its backups hold. Returns what that is. */
  async begin(kind: ServerKindName): Promise<ReadonlyMap<string, string>> {
    for (const [name, path] of Object.entries({ store: this.store, state: this.state })) {
      await rm(path, { recursive: true, force: true });
      await cp(join(this.#template, name), path, { recursive: true });
    }
    const server = this.server(kind);
    await server.start();
    const present = await this.held(kind);
    if (differences(this.restored(kind, present), present).length > 0) return present;
    await content[kind].change(server);
    return this.held(kind);
  }

  /** What a database holds now. */
  async held(kind: ServerKindName): Promise<ReadonlyMap<string, string>> {
    const facts = await witness(this.server(kind));
    return new Map([...facts].filter(([name]) => content[kind].varies?.test(name) !== true));
  }

  /** What a database holds once it is restored. */
  restored(kind: ServerKindName, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const others = [...before].filter(([name]) => content[kind].others?.test(name));
    return new Map([...(this.original.get(kind) ?? []), ...others]);
  }

  /** Takes the store away from whoever uses it. */
  async removeStore(): Promise<void> {
    await rename(this.store, this.#away);
  }

  /** What was begun anew in its place goes: an operator would mount the old one over it. */
  async putStoreBack(): Promise<void> {
    await rm(this.store, { recursive: true, force: true });
    await mkdir(this.disk.path, { recursive: true });
    await rename(this.#away, this.store);
  }

  get #away(): string {
    return join(this.disk.path, "away");
  }

  start(operation: Operation, kind: ServerKindName, deed?: Deed, environment: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(
      process.execPath,
      ["--import", preload, commandLine, ...this.#args(operation, kind), "--json"],
      {
        cwd: this.platform.directory,
        env: {
          ...process.env,
          ...this.platform.environment,
          BACKUP_DIR: this.store,
          DOCKER_HOST: this.docker.address,
          // Most of the time of a short command goes into reading its own program.
          NODE_COMPILE_CACHE: join(this.platform.directory, "compile-cache"),
          [directoryVariable]: this.platform.directory,
          ...(deed !== undefined && { [deedVariable]: JSON.stringify(deed) }),
          ...environment,
        },
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      },
    );
    const moments: Moment[] = [];
    const end = finished(child);
    const reached = new Promise<boolean>((resolve) => {
      let rest = "";
      child.stdio[3]?.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop() ?? "";
        moments.push(...lines.map((line) => JSON.parse(line) as Moment));
        if (moments.some(({ step }, index) => deed?.at === index || deed?.at === step)) resolve(true);
      });
      void end.then(() => resolve(false));
    });
    return {
      pid: child.pid ?? 0,
      moments,
      end,
      standsStill: async () => (await reached) && (await isStopped(child.pid ?? 0)),
      goOn: () => void child.kill("SIGCONT"),
      kill: () => void child.kill("SIGKILL"),
    };
  }

  #args(operation: Operation, kind: ServerKindName): readonly string[] {
    switch (operation) {
      case "backup":
        return ["backup", kind];
      case "restore":
        return [
          "restore",
          kind,
          "--backup",
          this.backups.get(kind)?.[0] ?? "",
          "--force",
          ...(content[kind].others === undefined ? ["--exact"] : []),
        ];
      case "drill":
        return ["verify", kind, "--level", "restore"];
      case "prune":
        return ["prune", kind, "--days", "0", "--keep-last", "1"];
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}
