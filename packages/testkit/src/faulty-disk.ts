import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** What a program asks of a disk, by kind. */
export type DiskStep = "open" | "read" | "write" | "sync" | "rename" | "list" | "make" | "remove" | "look";

/** What a disk does instead: gets the call, and may make it before or after it fails, late, or never. */
export type DiskFault = (call: () => Promise<unknown>) => Promise<unknown>;

/** An error as the system gives it: `EIO`, `ENOSPC`. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

export const failing =
  (code: string): DiskFault =>
  () =>
    Promise.reject(systemError(code));

/** It is done, and said not to be: a reply that was lost. */
export const failingAfterwards =
  (code: string): DiskFault =>
  async (call) => {
    await call();
    throw systemError(code);
  };

export const slow =
  (ms: number): DiskFault =>
  async (call) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return call();
  };

const stepOf: Readonly<Record<string, DiskStep>> = {
  open: "open",
  rename: "rename",
  link: "rename",
  readdir: "list",
  mkdir: "make",
  mkdtemp: "make",
  rm: "remove",
  rmdir: "remove",
  unlink: "remove",
  readFile: "read",
  lstat: "look",
  stat: "look",
  realpath: "look",
  statfs: "look",
};
const stepOfHandle: Readonly<Record<string, DiskStep>> = {
  read: "read",
  readFile: "read",
  write: "write",
  writev: "write",
  writeFile: "write",
  appendFile: "write",
  truncate: "write",
  sync: "sync",
};

type Functions = Record<string, (...args: unknown[]) => Promise<unknown>>;

/**
 * Stands between this process and one directory: counts what is asked of it through `node:fs/promises`, and answers one of those calls, or
 * all from one on, with a fault. Which one is told by its number, so that the same run meets the same fault. Disposing takes it away.
 */
export class FaultyDisk implements Disposable {
  /** The calls so far, in order. */
  readonly steps: DiskStep[] = [];
  readonly #root: string;
  readonly #originals: (() => void)[] = [];
  readonly #handles = new WeakSet();
  #faultOf: (index: number, step: DiskStep) => DiskFault | undefined = () => undefined;
  #happened = 0;

  private constructor(root: string) {
    this.#root = root;
  }

  static async at(root: string): Promise<FaultyDisk> {
    const disk = new FaultyDisk(root);
    await disk.#install();
    return disk;
  }

  /** How many faults there were: a test of one that never came proves nothing. */
  get happened(): number {
    return this.#happened;
  }

  /** `index`: from 0 on. With `onwards`, all calls from there on: a disk that is gone. */
  failAt(index: number, fault: DiskFault, { onwards = false }: { readonly onwards?: boolean } = {}): this {
    this.#faultOf = (at) => (at === index || (onwards && at > index) ? fault : undefined);
    return this;
  }

  /** The next call that is of one of some kinds. */
  failNext(steps: readonly DiskStep[], fault: DiskFault): this {
    let isOver = false;
    this.#faultOf = (_, step) => {
      if (isOver || !steps.includes(step)) return undefined;
      isOver = true;
      return fault;
    };
    return this;
  }

  /** Every call of some kinds. */
  failEvery(steps: readonly DiskStep[], fault: DiskFault): this {
    this.#faultOf = (_, step) => (steps.includes(step) ? fault : undefined);
    return this;
  }

  [Symbol.dispose](): void {
    for (const restore of this.#originals) restore();
    syncBuiltinESMExports();
  }

  async #install(): Promise<void> {
    const file = await fs.open("/dev/null");
    const prototype = Object.getPrototypeOf(file) as Functions;
    await file.close();
    for (const [name, step] of Object.entries(stepOf)) {
      this.#replace(fs as unknown as Functions, name, step, (_, [path]) => this.#isInside(path));
    }
    for (const [name, step] of Object.entries(stepOfHandle)) {
      this.#replace(prototype, name, step, (handle) => this.#handles.has(handle));
    }
    syncBuiltinESMExports();
  }

  #replace(
    functions: Functions,
    name: string,
    step: DiskStep,
    isOurs: (self: object, args: unknown[]) => boolean,
  ): void {
    const original = functions[name];
    if (original === undefined) throw new Error(`there is no ${name}`);
    const reach = this.#reach.bind(this);
    const handles = this.#handles;
    functions[name] = async function (this: object, ...args: unknown[]) {
      const call = () => original.apply(this, args);
      if (!isOurs(this, args)) return call();
      const result = await reach(step, call);
      if (name === "open") handles.add(result as object);
      return result;
    };
    this.#originals.push(() => void (functions[name] = original));
  }

  #reach(step: DiskStep, call: () => Promise<unknown>): Promise<unknown> {
    const fault = this.#faultOf(this.steps.length, step);
    this.steps.push(step);
    if (fault === undefined) return call();
    this.#happened += 1;
    return fault(call);
  }

  #isInside(path: unknown): boolean {
    return typeof path === "string" && (path === this.#root || path.startsWith(`${this.#root}/`));
  }
}
