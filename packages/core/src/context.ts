import type { JournalOperation } from "./journal-record.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** Where parts write what they do. Compatible with pino. Neither argument may hold a secret. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** How far a step has come. */
export interface Progress {
  /** What is being done, for people: `dumping app`. */
  readonly step: string;
  /** Bytes of plain content that have passed so far in this step. */
  readonly bytes?: number;
  /** What `bytes` will come to, as far as can be told. */
  readonly totalBytes?: number;
}

/** What a part needs to undo something: everything of an operation but its signal and its journal. */
export interface RecoveryContext {
  readonly logger: Logger;
  readonly containers: ContainerRuntime;
  /** An existing directory of this operation's own, for small files, and for copies that cannot be read as they come. Emptied by its owner afterwards. */
  readonly scratch: string;
}

/** Handed to every method of an adapter. */
export interface OperationContext extends RecoveryContext {
  /** Acknowledged within a second; undoing what was begun then runs to its end. */
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  readonly journal: JournalOperation;
}
