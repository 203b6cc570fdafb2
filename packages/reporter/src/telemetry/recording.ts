import type { BackupEvent, Outcome, SerializedError } from "@sutazai/backup-core";

type Failure = Pick<SerializedError, "reason" | "message">;

/** Something that took its time. Times are milliseconds since 1970. */
interface Recorded {
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface RecordedStep extends Recorded {
  readonly step: string;
  readonly bytes?: number;
}

export interface RecordedDatabase extends Recorded {
  readonly database: string;
  readonly kind?: string | undefined;
  readonly status: Outcome;
  readonly backup?: string;
  readonly plainBytes?: number;
  readonly storedBytes?: number;
  readonly freedBytes?: number;
  readonly error?: Failure;
  readonly steps: readonly RecordedStep[];
  /** Steps beyond the first so many. */
  readonly stepsLeftOut: number;
}

export interface RecordedRun extends Recorded {
  readonly command: string;
  readonly runId?: string | undefined;
  readonly status: Outcome;
  readonly error?: Failure | undefined;
  readonly databases: readonly RecordedDatabase[];
}

/** A database of ten thousand collections has as many steps. */
const mostSteps = 128;

type Open<Type> = { -readonly [Key in keyof Type]: Type[Key] };
type OpenRun = Open<Partial<RecordedRun>> &
  Pick<RecordedRun, "command" | "startedAt"> & { databases: RecordedDatabase[] };

/** Makes of the events of one run what its trace is made of. A run that follows within it (a prune after a backup) is one of its own. */
export class RunRecording {
  readonly #runs: OpenRun[];
  #run: OpenRun;
  readonly #databases = new Map<string, DatabaseRecording>();

  constructor(command: string, startedAt: number = Date.now()) {
    this.#run = { command, startedAt, databases: [] };
    this.#runs = [this.#run];
  }

  event(event: BackupEvent): void {
    const at = Date.parse(event.at);
    if (event.type === "run-start") {
      const { command, runId } = event;
      if (this.#run.runId !== undefined) this.#runs.push((this.#run = { command, startedAt: at, databases: [] }));
      this.#run.runId = runId;
    } else if (event.type === "run-end") {
      Object.assign(this.#run, { endedAt: at, status: event.status });
    } else if (event.type === "database-start") {
      this.#databases.set(event.database, new DatabaseRecording(at, event.kind));
    } else if (event.type === "progress") {
      const { database, step, bytes } = event;
      this.#databaseOf(database, at).step(at, step, bytes);
    } else if (event.type === "database-end") {
      this.#run.databases.push(this.#databaseOf(event.database, at - event.durationMs).end(at, event));
      this.#databases.delete(event.database);
    }
  }

  /** The runs, once all have ended. What did not say how it ended, ended like this: it could not be begun, or broke. */
  end(status: Outcome, error?: Failure, at: number = Date.now()): RecordedRun[] {
    return this.#runs.map((run) => ({ endedAt: at, status, ...(run.status === undefined && { error }), ...run }));
  }

  /** Not every run tells when it begins with a database. */
  #databaseOf(database: string, at: number): DatabaseRecording {
    const known = this.#databases.get(database);
    if (known !== undefined) return known;
    const begun = new DatabaseRecording(at);
    this.#databases.set(database, begun);
    return begun;
  }
}

class DatabaseRecording {
  readonly #startedAt: number;
  readonly #kind: string | undefined;
  readonly #steps = new Map<string, Open<RecordedStep>>();
  readonly #leftOut = new Set<string>();
  #current: Open<RecordedStep> | undefined;

  constructor(startedAt: number, kind?: string) {
    this.#startedAt = startedAt;
    this.#kind = kind;
  }

  /** A step lasts until another one is told of after its last sign of life: several may go on at once. */
  step(at: number, step: string, bytes: number | undefined): void {
    if (this.#current !== undefined) this.#current.endedAt = at;
    let current = this.#steps.get(step);
    if (current === undefined && this.#steps.size === mostSteps) this.#leftOut.add(step);
    else if (current === undefined) this.#steps.set(step, (current = { step, startedAt: at, endedAt: at }));
    if (current !== undefined && bytes !== undefined) current.bytes = bytes;
    this.#current = current;
  }

  end(at: number, event: BackupEvent & { readonly type: "database-end" }): RecordedDatabase {
    if (this.#current !== undefined) this.#current.endedAt = at;
    const { type: _, at: __, durationMs: ___, ...facts } = event;
    return {
      startedAt: this.#startedAt,
      endedAt: at,
      kind: this.#kind,
      ...facts,
      steps: [...this.#steps.values()],
      stepsLeftOut: this.#leftOut.size,
    };
  }
}
