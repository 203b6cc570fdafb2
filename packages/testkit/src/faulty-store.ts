import type { ArtifactSource, Bytes, StagedBackup, Store } from "@sutazai/backup-core";
import { systemError, type DiskFault } from "./faulty-disk.ts";

/** Calls of a store: its own, `release` of its lock, those of a staged backup (`write`, `readBack`, `publish`, `discard`), and `read` of an open one. */
export type StoreStep =
  | Exclude<keyof Store, "location">
  | "release"
  | "write"
  | "readBack"
  | "publish"
  | "discard"
  | "read";

/** What happens instead of a call. Of streams (`write`, `read`, `readBack`) the call is the first of their bytes. */
export type StoreFault = DiskFault;

/** Faults by method, each met once, in the order in which they were queued; and every call, as it came. */
export class StoreFaults {
  readonly calls: StoreStep[] = [];
  readonly #queues = new Map<StoreStep, (StoreFault | undefined)[]>();
  #full: { readonly step: StoreStep; readonly after: number } | undefined;
  #happened = 0;

  get happened(): number {
    return this.#happened;
  }

  /** The next call of the method that has none yet meets the fault; `skip` so many before. */
  queue(step: StoreStep, fault: StoreFault, skip: number = 0): this {
    const queue = this.#queues.get(step) ?? [];
    queue.push(...Array.from({ length: skip }, () => undefined), fault);
    this.#queues.set(step, queue);
    return this;
  }

  /** The disk is full once so many bytes have passed through a stream; or ends there, where it is read. */
  cutAt(step: "write" | "read" | "readBack", bytes: number): this {
    this.#full = { step, after: bytes };
    return this;
  }

  /** @internal */
  async reach<Result>(step: StoreStep, call: () => Promise<Result>): Promise<Result> {
    this.calls.push(step);
    const fault = this.#queues.get(step)?.shift();
    if (fault === undefined) return call();
    this.#happened += 1;
    return (await fault(call)) as Result;
  }

  /** @internal */
  async *through(step: StoreStep, content: Bytes): Bytes {
    await this.reach(step, async () => undefined);
    let passed = 0;
    for await (const chunk of content) {
      passed += chunk.length;
      if (this.#full?.step === step && passed > this.#full.after) {
        this.#happened += 1;
        throw systemError(step === "write" ? "ENOSPC" : "EIO");
      }
      yield chunk;
    }
  }
}

/** A store that does what its faults say, and otherwise what the store does. */
export function faultyStore(store: Store, faults: StoreFaults): Store {
  const wrapped = <Step extends Exclude<keyof Store, "location">>(step: Step): Store[Step] => {
    const method = store[step] as (...args: unknown[]) => Promise<unknown>;
    return ((...args: unknown[]) => faults.reach(step, () => method.apply(store, args))) as Store[Step];
  };
  return {
    location: store.location,
    prepare: wrapped("prepare"),
    lock: async (mode, options) => {
      const lock = await faults.reach("lock", () => store.lock(mode, options));
      return { mode, [Symbol.asyncDispose]: () => faults.reach("release", async () => lock[Symbol.asyncDispose]()) };
    },
    lockHolders: wrapped("lockHolders"),
    unlock: wrapped("unlock"),
    list: wrapped("list"),
    checkIntegrity: wrapped("checkIntegrity"),
    annotate: wrapped("annotate"),
    annotations: wrapped("annotations"),
    delete: wrapped("delete"),
    writeReport: wrapped("writeReport"),
    freeSpace: wrapped("freeSpace"),
    log: wrapped("log"),
    removeOrphans: wrapped("removeOrphans"),
    begin: async (database, kind) => staged(await faults.reach("begin", () => store.begin(database, kind)), faults),
    open: async (id) => source(await faults.reach("open", () => store.open(id)), faults),
  };
}

function staged(backup: StagedBackup, faults: StoreFaults): StagedBackup {
  return {
    id: backup.id,
    get artifacts() {
      return backup.artifacts;
    },
    write: (name, content, hints) => backup.write(name, faults.through("write", content), hints),
    read: (name) => faults.through("readBack", backup.read(name)),
    publish: (draft) => faults.reach("publish", () => backup.publish(draft)),
    [Symbol.asyncDispose]: () => faults.reach("discard", async () => backup[Symbol.asyncDispose]()),
  };
}

function source(opened: ArtifactSource, faults: StoreFaults): ArtifactSource {
  return { manifest: opened.manifest, read: (name) => faults.through("read", opened.read(name)) };
}
