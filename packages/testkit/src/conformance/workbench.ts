import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { dockerRuntime } from "@sutazai/backup-containers";
import {
  compareFingerprints,
  describeDifference,
  Journal,
  Secret,
  type ArtifactSink,
  type ArtifactSource,
  type ContainerRuntime,
  type DatabaseAdapter,
  type Fingerprint,
  type FingerprintDifference,
  type JournalOperation,
  type Logger,
  type OpenOperation,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
} from "@sutazai/backup-core";
import type { SampleContent } from "../content/sample-content.ts";
import { docker } from "../docker.ts";
import { Fault } from "../fault.ts";
import { countingTools } from "../faulty-tools.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { filesIn, insideContainer, leftInDocker, shownByContainers } from "../leftovers.ts";
import { MemoryBackup } from "../memory-backup.ts";
import type { TestServer } from "../server.ts";

/** A server as an adapter is told of it. */
export type ReachableServer = ServerAddress & Pick<TestServer, "name">;

export interface AdapterUnderTest {
  /** What is tested, in words: `Redis with an append-only file`. The adapter's name unless given. */
  readonly title?: string;
  /** A server of the adapter's kind, started as its users start it. */
  start(): Promise<TestServer>;
  /** An adapter for such a server; also called with a wrong password, and with the name of a container that does not exist. */
  adapter(server: ReachableServer): DatabaseAdapter;
  readonly content: SampleContent;
  /** Whether the server asks for a password, as it does unless said; files ask for none. */
  readonly authenticates?: boolean;
  /** A backup or restore of it takes many seconds: what another of the tests shows as well is left to `BACKUP_TEST_FULL=1`. */
  readonly slow?: boolean;
  /** Another configuration of an adapter that is tested whole: refusals, attacks and interruptions are left to `BACKUP_TEST_FULL=1`. */
  readonly variant?: boolean;
  /** A restore leaves alone what the backup does not have (other databases of a cluster), instead of removing it. */
  readonly leavesOthers?: boolean;
}

/** How deep the tests go. */
export interface Depth {
  /** One way to show a thing is enough. */
  readonly brief: boolean;
  /** As deep as they can. */
  readonly full: boolean;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly fault?: Fault;
  /** Puts something between the adapter and the journal. */
  readonly journal?: (operation: JournalOperation) => JournalOperation;
  /** Puts something between the adapter and Docker. */
  readonly containers?: (containers: ContainerRuntime) => ContainerRuntime;
}

/** Runs an adapter's operations as the engine does, on a real server, and remembers everything that they let be seen. */
export class Workbench implements AsyncDisposable {
  readonly server: TestServer;
  readonly adapter: DatabaseAdapter;
  /** How many bytes each tool wrote for the sample, by what it is for: once that was taken. */
  readonly sampleTools: Map<string, number> = new Map();
  readonly #test: AdapterUnderTest;
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #containers: ContainerRuntime = dockerRuntime();
  readonly #seen: string[] = [];
  #sample: Promise<MemoryBackup> | undefined;
  #unsettled: OpenOperation | undefined;
  #settings: Readonly<Record<string, string>> = {};
  #inside: ReadonlySet<string> = new Set();

  constructor(test: AdapterUnderTest, server: TestServer, directory: string) {
    this.#test = test;
    this.server = server;
    this.adapter = test.adapter(server);
    this.#directory = directory;
    this.#journal = new Journal(join(directory, "journal"));
  }

  static async open(test: AdapterUnderTest): Promise<Workbench> {
    const directory = await mkdtemp(join(tmpdir(), "conformance-"));
    await mkdir(join(directory, "scratch"));
    const bench = new Workbench(test, await test.start(), directory);
    try {
      bench.#settings = await test.content.settings(bench.server);
      bench.#inside = await insideContainer(bench.server.id);
      return bench;
    } catch (error) {
      await bench[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The same database through an adapter that is told something wrong. */
  misled(wrong: Partial<ReachableServer>): DatabaseAdapter {
    const { name, host, port, user, password } = this.server;
    return this.#test.adapter({ name, host, port, user, password, ...wrong });
  }

  /** A server with the sample content and nothing else. */
  async refill(): Promise<void> {
    await this.#test.content.empty(this.server);
    await this.#test.content.fill(this.server);
  }

  get content(): SampleContent {
    return this.#test.content;
  }

  /** A backup of the sample content, taken once: for tests to which it does not matter what the server holds now. */
  sample(): Promise<MemoryBackup> {
    const counting = (containers: ContainerRuntime) => countingTools(containers, this.sampleTools);
    this.#sample ??= this.refill().then(() => this.backup({ containers: counting }));
    return this.#sample;
  }

  /** Backs up, and settles the journal as the engine would. */
  async backup(options: RunOptions & { readonly adapter?: DatabaseAdapter } = {}): Promise<MemoryBackup> {
    const adapter = options.adapter ?? this.adapter;
    return this.#operate("backup", options, "finish", (context) => this.#capture(adapter, context, options.fault));
  }

  /**
   * Restores as the engine does: plan, fence, safety backup (unless it is not what is tested, as it takes its time), restore, then kept or
   * undone.
   */
  async restore(
    source: ArtifactSource,
    chosen: RestoreOptions,
    options: RunOptions & {
      readonly settle?: "finish" | "undo";
      readonly whileFenced?: () => Promise<void>;
      readonly withoutSafetyBackup?: boolean;
    } = {},
  ): Promise<RestoreFacts> {
    return this.#operate("restore", options, options.settle ?? "finish", async (context) => {
      await this.adapter.planRestore(context, source.manifest, chosen);
      await this.adapter.fence(context, chosen);
      await options.whileFenced?.();
      if (options.withoutSafetyBackup !== true) await this.#capture(this.adapter, context);
      const faulty = options.fault?.withinSource(source) ?? source;
      const facts = await this.adapter.restore(context, faulty, chosen);
      this.#seen.push(show(facts));
      return facts;
    });
  }

  /** Runs one call of the adapter, or of the one given, with a context of its own. */
  async call<Result>(
    work: (context: OperationContext) => Promise<Result>,
    options: Omit<RunOptions, "fault"> & {
      readonly adapter?: DatabaseAdapter;
      readonly settle?: "finish" | "undo";
    } = {},
  ): Promise<Result> {
    return this.#operate("probe", options, options.settle ?? "undo", work);
  }

  /** What each form says of the live database. */
  async state(): Promise<Readonly<Record<string, Fingerprint>>> {
    const forms: Record<string, Fingerprint> = {};
    for (const { name } of this.adapter.capabilities.forms) {
      forms[name] = await this.call((context) => this.adapter.fingerprint(context, name));
    }
    return forms;
  }

  /** How the live database differs from what it was; empty where it does not. */
  async changesSince(before: Readonly<Record<string, Fingerprint>>): Promise<string[]> {
    return (await this.#differencesFrom(before)).map(
      ([form, difference]) => `${form}: ${describeDifference(difference)}`,
    );
  }

  /** The same, after a restore over something else: what only that had may still be there, where that is the adapter's way. */
  async changesFromRestored(form: string, recorded: Fingerprint): Promise<string[]> {
    const differences = await this.#differencesFrom({ [form]: recorded });
    const leavesOthers = this.#test.leavesOthers ?? false;
    return differences
      .filter(([, { problem }]) => !(leavesOthers && problem === "unexpected"))
      .map(([, difference]) => describeDifference(difference));
  }

  /** A fault that kills the server, after noting what the containers show meanwhile. */
  killAfter(bytes: number): Fault {
    return new Fault(bytes, async () => {
      await this.look();
      await this.server.kill();
    });
  }

  /** Notes what everybody who may list containers can see of the operation that runs. */
  async look(): Promise<void> {
    this.#seen.push(...(await shownByContainers()));
  }

  /** Starts the server where it does not run, and settles what an operation could not settle without it: what `recover` does. */
  async recover(): Promise<void> {
    await this.server.start();
    await this.#unsettled?.close("undo");
    this.#unsettled = undefined;
  }

  /** Everything that should not be there any more. */
  async leftovers(): Promise<string[]> {
    const settings = await this.#test.content.settings(this.server);
    const turned = Object.keys(this.#settings).filter((name) => settings[name] !== this.#settings[name]);
    const inside = await insideContainer(this.server.id);
    const { State } = await (await docker()).getContainer(this.server.id).inspect();
    return [
      ...(await leftInDocker()),
      ...(await this.#journal.list()).map(({ command, records }) => `journal of a ${command}: ${show(records)}`),
      ...(await filesIn(join(this.#directory, "tmp"))).map((name) => `temporary file ${name}`),
      ...[...inside].filter((name) => !this.#inside.has(name)).map((name) => `in the server's container: ${name}`),
      ...turned.map((name) => `setting ${name}: was ${this.#settings[name]}, is ${settings[name]}`),
      ...(State.Paused ? ["the server is paused"] : []),
    ];
  }

  /** What was seen of a secret, in whatever coat. */
  secretsSeen(): string[] {
    const secret = this.server.password.reveal();
    const coats = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      secret.replaceAll("'", "''"),
      secret.replaceAll("'", "\\'"),
      Buffer.from(secret).toString("base64"),
    ];
    return this.#seen.filter((text) => coats.some((coat) => text.includes(coat)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #differencesFrom(before: Readonly<Record<string, Fingerprint>>): Promise<[string, FingerprintDifference][]> {
    const now = await this.state();
    return Object.entries(before).flatMap(([form, recorded]) =>
      compareFingerprints(recorded, now[form] ?? {}).map((difference): [string, FingerprintDifference] => [
        form,
        difference,
      ]),
    );
  }

  async #capture(adapter: DatabaseAdapter, context: OperationContext, fault?: Fault): Promise<MemoryBackup> {
    await adapter.probe(context);
    const backup = new MemoryBackup();
    const sink: ArtifactSink = fault?.within(backup) ?? backup;
    const startedAt = new Date();
    const facts = await adapter.backup(context, sink);
    this.#seen.push(show(facts));
    return backup.seal(adapter, facts, startedAt);
  }

  async #operate<Result>(
    command: string,
    options: RunOptions & { readonly adapter?: DatabaseAdapter },
    settlement: "finish" | "undo",
    work: (context: OperationContext) => Promise<Result>,
  ): Promise<Result> {
    const scratch = await mkdtemp(join(this.#directory, "scratch", `${command}-`));
    const recovery = { logger: this.#logger(), containers: this.#containers, scratch };
    const operation = await this.#journal.begin(
      { command, database: this.adapter.name },
      (record) => (record.part === "containers" ? this.#containers : (options.adapter ?? this.adapter)),
      recovery,
    );
    const context: OperationContext = {
      ...recovery,
      containers: options.containers?.(this.#containers) ?? this.#containers,
      journal: options.journal?.(operation) ?? operation,
      signal: options.signal ?? new AbortController().signal,
      progress: (progress) => this.#seen.push(show(progress)),
    };
    let result: Result;
    try {
      result = await work(context);
    } catch (error) {
      this.#seen.push(show(error));
      await operation.close("undo").catch((undoError: unknown) => {
        this.#seen.push(show(undoError));
        this.#unsettled = operation;
      });
      throw error;
    }
    await operation.close(settlement);
    return result;
  }

  #logger(): Logger {
    const log = (facts: object, message: string) => this.#seen.push(`${message} ${show(facts)}`);
    return { debug: log, info: log, warn: log, error: log };
  }
}

function show(value: unknown): string {
  return inspect(value, { depth: 12, maxStringLength: null, maxArrayLength: null, breakLength: Infinity });
}

/** Nobody listens there, and no container has the name: for looking at an adapter's capabilities, which takes no I/O. */
export const nowhere: ReachableServer = {
  name: "sutazai-test-no-such-container",
  host: "127.0.0.1",
  port: 1,
  user: "nobody",
  password: new Secret("none"),
};
