import { rename } from "node:fs/promises";
import { join } from "node:path";
import {
  failing,
  failingAfterwards,
  FaultyDisk,
  faultyStore,
  JumpingClock,
  Random,
  slow,
  StoreFaults,
  type DiskFault,
  type DiskStep,
  type StoreStep,
} from "@sutazai/backup-testkit";
import { operations, type Ending, type FaultBench, type Operation, type Trial } from "./bench.ts";

/** One fault at one step of one operation, how it ended, and what was not as it must be afterwards. */
export interface Finding {
  readonly operation: Operation;
  readonly step: string;
  readonly fault: string;
  readonly outcome: string;
  readonly wrong: readonly string[];
  /** Where exactly: for who wants to see it again. */
  readonly at: string;
}

interface DiskFaultKind {
  readonly name: string;
  readonly steps: readonly DiskStep[];
  readonly fault: DiskFault;
  readonly onwards?: boolean;
}

const changing: readonly DiskStep[] = ["write", "sync", "rename", "make", "remove"];
const all: readonly DiskStep[] = ["open", "read", "list", "look", ...changing];

const diskFaults: readonly DiskFaultKind[] = [
  { name: "I/O error", steps: all, fault: failing("EIO") },
  { name: "I/O error, though it was done", steps: changing, fault: failingAfterwards("EIO") },
  { name: "disk full", steps: ["write", "sync", "make"], fault: failing("ENOSPC") },
  { name: "disk gone from then on", steps: all, fault: failing("EIO"), onwards: true },
];

const stepNames: Readonly<Record<DiskStep, string>> = {
  open: "open a file",
  read: "read",
  write: "write",
  sync: "fsync",
  rename: "rename",
  list: "list a directory",
  make: "make a directory",
  remove: "remove",
  look: "look at a file",
};

export interface FaultRunOptions {
  /** One of so many is tried, those of a multiple among them; 1: every single one. */
  readonly every: number;
  readonly seed: number;
}

/** Every call that an operation makes of the disk and of the store, with every fault that can meet it there. */
export async function* runFaults(bench: FaultBench, { every, seed }: FaultRunOptions): AsyncGenerator<Finding> {
  const random = new Random(seed);
  let count = 0;
  const chosen = () => count++ % every === 0;
  for (const operation of operations) {
    const { steps, calls } = await undisturbed(bench, operation);
    for (const kind of diskFaults) {
      for (const [index, step] of steps.entries()) {
        if (kind.steps.includes(step) && chosen()) yield await onDisk(bench, operation, kind, index);
      }
    }
    yield await slowDisk(bench, operation);
    for (const [index, step] of steps.entries()) {
      // What is left on the disk is the same until the next change of it. Each takes a process: of what leaves the database alone, some.
      const counts = changing.includes(step) && (operation === "restore" || index % 5 === 0);
      if (counts && chosen()) yield await killed(bench, operation, step, index);
    }
    for (const [index, step] of calls.entries()) {
      const nth = calls.slice(0, index).filter((call) => call === step).length;
      for (const kind of storeFaults(step)) {
        if (chosen()) yield await inStore(bench, operation, kind, { step, nth });
      }
    }
    for (const step of ["write", "read", "readBack"] as const) {
      if (!calls.includes(step)) continue;
      yield await cut(bench, operation, step, random.below(4));
      if (operation === "backup" || operation === "restore") yield await stuck(bench, operation, step);
    }
  }
}

async function undisturbed(bench: FaultBench, operation: Operation) {
  await using trial = await bench.begin();
  const faults = new StoreFaults();
  using disk = await FaultyDisk.at(trial.root);
  const { outcome } = await trial.run(operation, faultyStore(trial.store, faults));
  if (outcome !== "ok") throw new Error(`${operation} ends ${outcome} without any fault`);
  return { steps: [...disk.steps], calls: [...faults.calls] };
}

async function onDisk(bench: FaultBench, operation: Operation, kind: DiskFaultKind, index: number): Promise<Finding> {
  await using trial = await bench.begin();
  let ending: Ending;
  let step: DiskStep | undefined;
  {
    using disk = await FaultyDisk.at(trial.root);
    disk.failAt(index, kind.fault, { onwards: kind.onwards ?? false });
    ending = await trial.run(operation);
    step = disk.steps[index];
    if (disk.happened === 0 || step === undefined) throw new Error(`${operation}: no call ${index} of the disk`);
  }
  const at = `call ${index} of the disk`;
  return await found(trial, operation, stepNames[step], kind.name, ending, at, kind.onwards);
}

async function killed(bench: FaultBench, operation: Operation, step: DiskStep, index: number): Promise<Finding> {
  await using trial = await bench.begin();
  const ending = await trial.kill(operation, index);
  return await found(trial, operation, stepNames[step], "kill -9 before", ending, `call ${index} of the disk`);
}

async function slowDisk(bench: FaultBench, operation: Operation): Promise<Finding> {
  await using trial = await bench.begin();
  let ending: Ending;
  {
    using disk = await FaultyDisk.at(trial.root);
    disk.failEvery(["sync", "write"], slow(2));
    ending = await trial.run(operation);
  }
  return await found(trial, operation, "every write and fsync", "slow", ending, "all calls");
}

type StoreFaultKind = {
  readonly name: string;
  readonly of: (trial: Trial, clock: JumpingClock) => DiskFault;
  readonly mend?: (trial: Trial) => Promise<void>;
};

const storePath = (trial: Trial) => join(trial.root, "store");
const awayPath = (trial: Trial) => join(trial.directory, "away");

function storeFaults(step: StoreStep): readonly StoreFaultKind[] {
  const before = { name: "error", of: () => failing("EIO") };
  const removed = {
    name: "store removed, and back later",
    of: (trial: Trial) => async (call: () => Promise<unknown>) => {
      await rename(storePath(trial), awayPath(trial));
      return call();
    },
    mend: putBack,
  };
  const clocks = [
    { name: "clock 40 days ahead from then on", of: jumping(40 * day) },
    { name: "clock 40 days back from then on", of: jumping(-40 * day) },
  ];
  const isStream = step === "write" || step === "read" || step === "readBack";
  return isStream
    ? [before, removed, ...clocks]
    : [before, { name: "error, though it was done", of: () => failingAfterwards("EIO") }, removed, ...clocks];
}

const day = 86_400_000;

function jumping(by: number): StoreFaultKind["of"] {
  return (_, clock) => (call) => {
    clock.jump(by);
    return call();
  };
}

/** What was begun anew in its place goes to the side: an operator would mount the old one over it. */
async function putBack(trial: Trial): Promise<void> {
  await rename(storePath(trial), join(trial.directory, "begun-anew")).catch(() => undefined);
  await rename(awayPath(trial), storePath(trial));
}

async function inStore(
  bench: FaultBench,
  operation: Operation,
  { name, of, mend }: StoreFaultKind,
  { step, nth }: { readonly step: StoreStep; readonly nth: number },
): Promise<Finding> {
  await using trial = await bench.begin();
  const faults = new StoreFaults();
  let ending: Ending;
  {
    using clock = new JumpingClock();
    faults.queue(step, of(trial, clock), nth);
    ending = await trial.run(operation, faultyStore(trial.store, faults));
  }
  if (faults.happened === 0) throw new Error(`${operation}: no ${step} number ${nth}`);
  await mend?.(trial);
  // What was made in a store that is gone again can only be told as made, not found.
  const { backup: _, ...rest } = ending;
  return await found(
    trial,
    operation,
    `store: ${step}`,
    name,
    mend === undefined ? ending : rest,
    `${step} number ${nth}`,
  );
}

async function cut(bench: FaultBench, operation: Operation, step: "write" | "read" | "readBack", bytes: number) {
  await using trial = await bench.begin();
  const faults = new StoreFaults().cutAt(step, bytes);
  const ending = await trial.run(operation, faultyStore(trial.store, faults));
  const fault = step === "write" ? "disk full within an artifact" : "I/O error within an artifact";
  return await found(trial, operation, `store: ${step}`, fault, ending, `byte ${bytes}`);
}

async function stuck(bench: FaultBench, operation: Operation, step: StoreStep): Promise<Finding> {
  await using trial = await bench.begin();
  const faults = new StoreFaults().queue(step, () => new Promise(() => undefined));
  const ending = await trial.run(operation, faultyStore(trial.store, faults), 200);
  return await found(trial, operation, `store: ${step}`, "stuck, until the time limit", ending, "the first");
}

async function found(
  trial: Trial,
  operation: Operation,
  step: string,
  fault: string,
  ending: Ending,
  at: string,
  diskWasGone: boolean = false,
): Promise<Finding> {
  const wrong = await trial
    .judge(operation, ending, diskWasGone)
    .catch((error: unknown) => [`cannot be judged: ${String(error)}`]);
  return { operation, step, fault, outcome: ending.outcome, wrong, at };
}
