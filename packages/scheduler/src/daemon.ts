import { setTimeout as sleep } from "node:timers/promises";
import { toBackupError, type Outcome } from "@sutazai/backup-core";
import { delayOf, dueAt, overdueSince } from "./due.ts";
import type { RunHistory, TaskHistory, TaskRun } from "./history.ts";
import type { PlannedTask } from "./plan.ts";

export interface DaemonTask extends PlannedTask {
  /** Does it once. Throws, or tells how it ended; `count` is how many runs came to an end before it. */
  readonly run: (options: { readonly signal: AbortSignal; readonly count: number }) => Promise<TaskOutcome>;
  /** When it last went well as far as its results tell, where nothing is remembered; undefined where it never did. */
  readonly evidence?: () => Promise<Date | undefined>;
  /** Where it has never gone well, it begins at once. */
  readonly atOnce?: boolean;
}

export interface TaskOutcome {
  readonly status: Outcome;
  readonly problem?: string;
}

/** Time, as the daemon sees it. */
export interface Clock {
  now(): Date;
  /** Rejects when the signal ends it. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const realClock: Clock = { now: () => new Date(), sleep: (ms, signal) => sleep(ms, undefined, { signal }) };

export type DaemonEvent =
  | { readonly type: "scheduled"; readonly task: string; readonly next: string | undefined; readonly missed: boolean }
  | { readonly type: "task-start"; readonly task: string }
  | { readonly type: "task-end"; readonly task: string; readonly run: TaskRun }
  | { readonly type: "task-busy"; readonly task: string; readonly by: string | undefined }
  /** When it last went well could not be told from its results. */
  | { readonly type: "task-unknown"; readonly task: string; readonly problem: string };

export interface DaemonOptions {
  readonly tasks: readonly DaemonTask[];
  readonly history: RunHistory;
  /** What the delays are made of: the host's name. */
  readonly host: string;
  readonly clock?: Clock;
  readonly onEvent?: (event: DaemonEvent) => void;
}

/** How a task stands. Times ISO 8601. */
export interface TaskStanding {
  readonly task: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly isRunning: boolean;
  readonly runningSince: string | undefined;
  readonly next: string | undefined;
  readonly last: TaskRun | undefined;
  readonly lastSuccess: string | undefined;
  readonly overdueSince: string | undefined;
}

interface Slot {
  readonly task: DaemonTask;
  history: TaskHistory;
  /** Undefined where it never runs again. */
  next: Date | undefined;
}

// A clock that was set, and a machine that slept, are noticed after so long.
const longestSleep = 30_000;

/** Runs tasks at their times in this process, one at a time: one that is late because another takes long runs once, after it. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #slots = new Map<string, Slot>();
  #running: { readonly task: string; readonly since: string } | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
  }

  /**
   * Runs until the signal ends it. A run that is under way then gets `graceMs` to come to its end, and is cancelled after it; its undoing is waited
   * for. What was missed while no daemon ran begins at once.
   */
  async run({ signal, graceMs = 0 }: { readonly signal: AbortSignal; readonly graceMs?: number }): Promise<void> {
    await using attending = new AsyncDisposableStack();
    for (const task of this.#options.tasks) {
      attending.use(await this.#options.history.attend(task.name));
      await this.#add(task);
    }
    while (!signal.aborted) {
      const due = this.#nextSlot();
      const wait = due?.next === undefined ? longestSleep : due.next.getTime() - this.#clock.now().getTime();
      if (due !== undefined && wait <= 0) await this.#runOne(due, signal, graceMs);
      else await this.#clock.sleep(Math.min(wait, longestSleep), signal).catch(() => undefined);
    }
  }

  standings(): TaskStanding[] {
    return [...this.#slots.values()].map(({ task, history, next }) => ({
      task: task.name,
      schedule: task.schedule.expression,
      timeZone: task.schedule.timeZone,
      isRunning: this.#running?.task === task.name,
      runningSince: this.#running?.task === task.name ? this.#running.since : undefined,
      next: next?.toISOString(),
      last: history.last,
      lastSuccess: history.lastSuccess,
      overdueSince: overdueSince(task, history, this.#clock.now())?.toISOString(),
    }));
  }

  async #add(task: DaemonTask): Promise<void> {
    const { history: memory } = this.#options;
    const now = this.#clock.now();
    const remembered = await memory.read(task.name);
    const shown = remembered === undefined ? await this.#evidenceOf(task) : undefined;
    const opened = await memory.open(task.name);
    const history =
      shown === undefined ? opened : { ...opened, since: shown.toISOString(), lastSuccess: shown.toISOString() };
    const isFirst = task.atOnce === true && history.last === undefined && history.lastSuccess === undefined;
    const due = dueAt(task, history);
    const missed = isFirst || (due !== undefined && due <= now);
    const slot = { task, history, next: missed ? now : this.#delayed(task, due) };
    this.#slots.set(task.name, slot);
    this.#tell({ type: "scheduled", task: task.name, next: slot.next?.toISOString(), missed });
  }

  /** What it cannot tell now it may tell by running. */
  async #evidenceOf(task: DaemonTask): Promise<Date | undefined> {
    try {
      return await task.evidence?.();
    } catch (error) {
      this.#tell({ type: "task-unknown", task: task.name, problem: toBackupError(error).message });
      return undefined;
    }
  }

  async #runOne(slot: Slot, signal: AbortSignal, graceMs: number): Promise<void> {
    const { task } = slot;
    await using begun = await this.#options.history.begin(task.name);
    if (begun === undefined) {
      this.#tell({ type: "task-busy", task: task.name, by: await this.#options.history.runner(task.name) });
      slot.next = new Date(this.#clock.now().getTime() + longestSleep);
      return;
    }
    const startedAt = this.#clock.now().toISOString();
    this.#running = { task: task.name, since: startedAt };
    this.#tell({ type: "task-start", task: task.name });
    try {
      using stopping = delayedAbort(signal, graceMs);
      const running = task.run({ signal: stopping.signal, count: slot.history.runs });
      const { status, problem } = await running.catch(outcomeOf);
      const endedAt = this.#clock.now().toISOString();
      const run: TaskRun = { startedAt, endedAt, status, ...(problem !== undefined && { problem }) };
      await begun.end(run);
      slot.history = await this.#options.history.open(task.name);
      this.#tell({ type: "task-end", task: task.name, run });
    } finally {
      this.#running = undefined;
    }
    const due = dueAt(task, slot.history);
    slot.next = due !== undefined && due <= this.#clock.now() ? this.#clock.now() : this.#delayed(task, due);
    this.#tell({ type: "scheduled", task: task.name, next: slot.next?.toISOString(), missed: false });
  }

  #delayed(task: DaemonTask, due: Date | undefined): Date | undefined {
    return due === undefined ? undefined : new Date(due.getTime() + delayOf(task, this.#options.host));
  }

  #nextSlot(): Slot | undefined {
    const waiting = [...this.#slots.values()].filter(({ next }) => next !== undefined);
    return waiting.sort((a, b) => (a.next?.getTime() ?? 0) - (b.next?.getTime() ?? 0))[0];
  }

  #tell(event: DaemonEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** How a run that threw ended. */
export function outcomeOf(thrown: unknown): TaskOutcome {
  const { reason, message } = toBackupError(thrown);
  return { status: reason === "cancelled" ? "cancelled" : "failed", problem: `${reason}: ${message}` };
}

/** A signal that follows another after a while. */
function delayedAbort(signal: AbortSignal, ms: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const abort = () => controller.abort(signal.reason);
  const start = () => {
    if (ms === 0) abort();
    else timer = setTimeout(abort, ms);
  };
  signal.addEventListener("abort", start, { once: true });
  if (signal.aborted) start();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", start);
      clearTimeout(timer);
    },
  };
}
