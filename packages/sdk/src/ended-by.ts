import type { ArtifactSource, Bytes, StagedBackup, Store } from "@sutazai/backup-core";

/**
 * The same store, but what is written to it and read from it ends when the signal does, also where the disk below no longer
 * answers at all. Publishing is not given up: it is either done or not, and nobody could tell which.
 */
export function endedBy(store: Store, signal: AbortSignal): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "begin")
        return async (...args: Parameters<Store["begin"]>) => staged(await target.begin(...args), signal);
      if (name === "open") return async (id: string) => source(await target.open(id), signal);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function staged(backup: StagedBackup, signal: AbortSignal): StagedBackup {
  return {
    id: backup.id,
    get artifacts() {
      return backup.artifacts;
    },
    write: (name, content, hints) => untilAborted(backup.write(name, content, hints), signal),
    read: (name) => streamUntilAborted(backup.read(name), signal),
    publish: (draft) => backup.publish(draft),
    [Symbol.asyncDispose]: () => backup[Symbol.asyncDispose](),
  };
}

function source(opened: ArtifactSource, signal: AbortSignal): ArtifactSource {
  return { manifest: opened.manifest, read: (name) => streamUntilAborted(opened.read(name), signal) };
}

async function* streamUntilAborted(content: Bytes, signal: AbortSignal): Bytes {
  const iterator = content[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await untilAborted(iterator.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    // One that does not answer does not end either: nobody waits for it then.
    const ended = iterator.return?.().catch(() => undefined);
    if (!signal.aborted) await ended;
  }
}

function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    const settle = () => signal.removeEventListener("abort", abort);
    work.then(resolve, reject).finally(settle);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
