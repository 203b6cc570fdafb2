import { resolve } from "node:path";
import type { ContainerInfo, ContainerRuntime, DatabaseAdapter, Probe } from "@sutazai/backup-core";
import type { MasterReport } from "@sutazai/backup-reporter";
import type { DatabaseStanding } from "@sutazai/backup-reporter";
import { defaultDirectories } from "../config/directories.ts";
import { readConfigFile, type ConfigFile } from "../config/file.ts";
import type { LoadedConfig } from "../config/load.ts";
import { lookingContext } from "../init/looking-context.ts";
import { expectations } from "../monitor/look.ts";
import type { SchedulerStanding } from "../monitor/schedule.ts";
import { gatherReport } from "../report/report.ts";
import type { BackupSystem } from "../system.ts";
import { measureWriting, type Writing } from "./writing.ts";

/** What is configured, opened. */
export interface TestedSystem {
  readonly system: BackupSystem;
  readonly config: LoadedConfig;
  /** Sends one test message through every channel; what went wrong, by channel. */
  readonly sendTest: (
    signal: AbortSignal,
  ) => Promise<readonly { readonly channel: string; readonly problem?: string }[]>;
}

export interface SubjectOptions {
  /** Throws where the configuration cannot be used: that is a finding, not an end. */
  readonly open: () => Promise<TestedSystem>;
  readonly containers: ContainerRuntime;
  readonly scheduler: (tested: TestedSystem) => Promise<SchedulerStanding>;
  readonly configFile?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** What the checks look at. Everything is looked at once, whoever asks for it first. */
export class Subject {
  readonly now: Date;
  readonly containers: ContainerRuntime;
  readonly environment: SubjectOptions["environment"];
  readonly #options: SubjectOptions;
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(options: SubjectOptions) {
    this.#options = options;
    this.now = options.now;
    this.containers = options.containers;
    this.environment = options.environment;
  }

  file(): Promise<ConfigFile | undefined> {
    const { configFile, environment, workingDirectory } = this.#options;
    return this.#once("file", () =>
      readConfigFile(configFile ?? environment["BACKUP_CONFIG"], [workingDirectory, defaultDirectories().config]),
    );
  }

  opened(): Promise<TestedSystem> {
    return this.#once("opened", this.#options.open);
  }

  /** Absolute. */
  async directories(): Promise<{ readonly store: string; readonly state: string }> {
    const { settings } = (await this.opened()).config;
    return { store: resolve(settings.dir), state: resolve(settings.stateDir) };
  }

  listed(): Promise<ContainerInfo[]> {
    return this.#once("listed", () => this.containers.list());
  }

  scheduler(): Promise<SchedulerStanding> {
    return this.#once("scheduler", async () => this.#options.scheduler(await this.opened()));
  }

  report(): Promise<MasterReport> {
    return this.#once("report", async () => {
      const { system, config } = await this.opened();
      const scheduler = await this.scheduler().catch(() => null);
      const budgets = { budgets: config.settings.budgets, budgetsOf: config.budgets };
      return gatherReport(system, { now: this.now, ...expectations(budgets, scheduler, this.now) });
    });
  }

  async standing({ name }: DatabaseAdapter): Promise<DatabaseStanding | undefined> {
    return (await this.report()).databases.find(({ database }) => database === name);
  }

  /** A look at the server that changes nothing, and how many milliseconds it took. */
  probe(adapter: DatabaseAdapter): Promise<{ readonly probe: Probe; readonly ms: number }> {
    return this.#once(`probe ${adapter.name}`, async () => {
      const startedAt = performance.now();
      const limit = AbortSignal.any([this.#options.signal, AbortSignal.timeout(probePatienceMs)]);
      const probe = await adapter.probe(lookingContext(this.containers, limit));
      return { probe, ms: performance.now() - startedAt };
    });
  }

  /** Writes to the store and reads it back. */
  writing(): Promise<Writing> {
    return this.#once("writing", async () => measureWriting((await this.directories()).store));
  }

  #once<Value>(what: string, look: () => Promise<Value>): Promise<Value> {
    const known = this.#known.get(what) ?? look();
    this.#known.set(what, known);
    return known as Promise<Value>;
  }
}

const probePatienceMs = 18_000;
