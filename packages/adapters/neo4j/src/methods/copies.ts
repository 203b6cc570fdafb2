import type { FrozenCopy, OperationContext } from "@sutazai/backup-core";
import type { Neo4jOptions } from "../options.ts";
import { dataDirectoryOf, withContainer, type Target } from "../target.ts";

/** Copies the server's data directory while it stands still. */
export function frozenCopyOf(
  { containers, journal, signal, progress }: OperationContext,
  target: Target,
  { maxPauseSeconds }: Neo4jOptions,
): Promise<FrozenCopy> {
  const { container } = withContainer(target);
  const paths = [dataDirectoryOf(container)];
  progress({ step: "copying the data" });
  return containers.frozenCopy({
    container,
    paths,
    purpose: "neo4j",
    // It maps files into memory to read them only (see the tests).
    ahead: true,
    ...(maxPauseSeconds !== undefined && { maxPauseMs: maxPauseSeconds * 1_000 }),
    journal,
    signal,
  });
}

/**
 * The copies of the data directory that the methods of one backup work on. One that a server has worked in is not what was copied any more: another is taken then, once
 * the first is gone. One that could not be had is not tried for again: the server would stand still for the same failure.
 */
export class Copies implements AsyncDisposable {
  readonly #take: () => Promise<FrozenCopy>;
  #copy: FrozenCopy | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isPristine = false;
  #frozenMs = 0;

  constructor(take: () => Promise<FrozenCopy>) {
    this.#take = take;
  }

  /** Milliseconds that the server stood still for all of them, those that came to nothing included. */
  get frozenMs(): number {
    return this.#frozenMs;
  }

  /** One that nobody has written to. Lives until the next is asked for, or all are disposed. */
  async pristine(): Promise<FrozenCopy> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#copy !== undefined && this.#isPristine) return this.#copy;
    await this[Symbol.asyncDispose]();
    try {
      this.#copy = await this.#take();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
    this.#isPristine = true;
    this.#frozenMs += this.#copy.frozenMs;
    return this.#copy;
  }

  /** Before anything writes to the present one. */
  spend(): void {
    this.#isPristine = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const copy = this.#copy;
    this.#copy = undefined;
    await copy?.[Symbol.asyncDispose]();
  }
}
