import { link, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupError,
  codeOf,
  currentProcess,
  describeProcess,
  livenessOf,
  newId,
  processIdentitySchema,
  toBackupError,
  writeDurably,
  type Outcome,
} from "@sutazai/backup-core";
import { z } from "zod";

/** What is known of the runs of one task. Times ISO 8601. */
export interface TaskHistory {
  /** When it was first looked at: it cannot have missed anything before. */
  readonly since: string;
  /** Runs that came to an end, however they ended. */
  readonly runs: number;
  readonly last?: TaskRun | undefined;
  /** When the last run that ended `ok` began. */
  readonly lastSuccess?: string | undefined;
}

export interface TaskRun {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly status: Outcome;
  /** In a sentence, where it did not go well. */
  readonly problem?: string | undefined;
}

const historySchema: z.ZodType<TaskHistory> = z.strictObject({
  since: z.iso.datetime(),
  runs: z.int().min(0),
  last: z
    .strictObject({
      startedAt: z.iso.datetime(),
      endedAt: z.iso.datetime(),
      status: z.enum(["ok", "partial", "failed", "cancelled"]),
      problem: z.string().optional(),
    })
    .optional(),
  lastSuccess: z.iso.datetime().optional(),
});

/** A run that has begun: while it is held no other process begins the same. */
export interface BegunRun extends AsyncDisposable {
  /** Writes down how it ended. */
  end(run: TaskRun): Promise<void>;
}

/** A process that has said of itself that it is at something. */
export interface Holder {
  /** For people. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  readonly isAlive: boolean;
}

const mostLogBytes = 1024 * 1024;

/**
 * What scheduled runs have come to, in a directory that is the same for every process of this host: a file for each task. Constructing does no I/O. Where the
 * directory cannot be used that keeps no run from being made: it is told through `onProblem`, and remembered for as long as this process lives.
 */
export class RunHistory {
  readonly #directory: string;
  readonly #now: () => Date;
  readonly #onProblem: (message: string) => void;
  /** What could not be written down. */
  readonly #unwritten = new Map<string, TaskHistory>();

  constructor(
    directory: string,
    now: () => Date = () => new Date(),
    onProblem: (message: string) => void = () => undefined,
  ) {
    this.#directory = directory;
    this.#now = now;
    this.#onProblem = onProblem;
  }

  /** Undefined where nothing is known of it. One that cannot be read is treated alike: it is only a memory. */
  async read(task: string): Promise<TaskHistory | undefined> {
    const unwritten = this.#unwritten.get(task);
    if (unwritten !== undefined) return unwritten;
    const text = await readFile(this.#path(task, "json"), "utf8").catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") this.#tell("be read", error);
      return undefined;
    });
    if (text === undefined) return undefined;
    const parsed = historySchema.safeParse(jsonOf(text));
    return parsed.success ? parsed.data : undefined;
  }

  /** The same; where nothing is known, from now on. */
  async open(task: string): Promise<TaskHistory> {
    const known = await this.read(task);
    if (known !== undefined) return known;
    const fresh = { since: this.#now().toISOString(), runs: 0 };
    await this.#write(task, fresh);
    return fresh;
  }

  /** Whether what the runs of a task came to is forgotten with this process. */
  isForgotten(task: string): boolean {
    return this.#unwritten.has(task);
  }

  /** Undefined while another living process runs the task. */
  async begin(task: string): Promise<BegunRun | undefined> {
    const path = this.#path(task, "running");
    const taken = await this.#take(path).catch((error: unknown) => this.#tell("be written", error));
    // Where nobody can take it, the locks of the store and of the databases keep two runs apart.
    if (taken === false) return undefined;
    return {
      end: async (run) => {
        const { since, runs, lastSuccess } = await this.open(task);
        const success = run.status === "ok" ? run.startedAt : lastSuccess;
        await this.#write(task, {
          since,
          runs: runs + 1,
          last: run,
          ...(success !== undefined && { lastSuccess: success }),
        });
        await this.#turnOver(this.#path(task, "log"));
      },
      [Symbol.asyncDispose]: async () => {
        if (taken === true) await rm(path, { force: true }).catch((error: unknown) => this.#tell("be written", error));
      },
    };
  }

  /** The process that runs the task just now, for people. */
  async runner(task: string): Promise<string | undefined> {
    return (await this.running(task))?.by;
  }

  /** The same, and since when. */
  async running(task: string): Promise<Holder | undefined> {
    const holder = await holderOf(this.#path(task, "running"));
    return holder?.isAlive === true ? holder : undefined;
  }

  /** Shows that a daemon of this process sees to the task, until it is disposed of. */
  async attend(task: string): Promise<AsyncDisposable> {
    const path = this.#path(task, "daemon");
    const taken = await this.#take(path).catch((error: unknown) => this.#tell("be written", error));
    return {
      [Symbol.asyncDispose]: async () => {
        if (taken === true) await rm(path, { force: true }).catch((error: unknown) => this.#tell("be written", error));
      },
    };
  }

  /** The daemon that sees to the task, or that did and has died. Undefined where there is none, or none that can be judged from here. */
  attendant(task: string): Promise<Holder | undefined> {
    return holderOf(this.#path(task, "daemon"));
  }

  async #take(path: string): Promise<boolean> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const own = `${path}.${newId()}`;
    await writeDurably(own, JSON.stringify(await currentProcess()));
    try {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        // A link appears whole, with its content, or not at all.
        const taken = await link(own, path).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === "EEXIST") return false;
            throw error;
          },
        );
        if (taken) return true;
        if ((await holderOf(path))?.isAlive === true) return false;
        await rm(path, { force: true });
      }
      return false;
    } finally {
      await rm(own, { force: true });
    }
  }

  async #write(task: string, history: TaskHistory): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeDurably(this.#path(task, "json"), `${JSON.stringify(history)}\n`);
      this.#unwritten.delete(task);
    } catch (error) {
      this.#unwritten.set(task, history);
      this.#tell("be written", error);
    }
  }

  #tell(what: string, error: unknown): undefined {
    this.#onProblem(`what scheduled runs came to cannot ${what}: ${toBackupError(error).message}`);
  }

  /** What cron has appended to: the run that is ending goes on writing to the old one, the next begins a new one. */
  async #turnOver(log: string): Promise<void> {
    const size = await stat(log).then(
      (found) => found.size,
      () => 0,
    );
    if (size > mostLogBytes) await rename(log, `${log}.1`).catch((error: unknown) => this.#tell("be written", error));
  }

  #path(task: string, extension: string): string {
    if (!/^[a-z]+$/.test(task)) throw new BackupError("configuration", `${JSON.stringify(task)} is no name of a task`);
    return join(this.#directory, `${task}.${extension}`);
  }
}

/**
 * One of another pid namespace does not count: it is what a container left that was killed and started again, and would never go away. Should it live after all, the
 * locks of store and databases keep the two apart.
 */
async function holderOf(path: string): Promise<Holder | undefined> {
  const parsed = processIdentitySchema.safeParse(jsonOf(await readFile(path, "utf8").catch(() => "")));
  const liveness = parsed.success ? await livenessOf(parsed.data) : "foreign";
  const found = await stat(path).catch(() => undefined);
  if (!parsed.success || liveness === "foreign" || found === undefined) return undefined;
  return { by: describeProcess(parsed.data), since: found.mtime.toISOString(), isAlive: liveness === "alive" };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
