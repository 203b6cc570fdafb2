import type { RecoveryContext } from "./context.ts";
import type { Json } from "./json.ts";

/**
 * The intent journal. Before anything outside our own files is changed for a while (a server stopped, a setting
 * turned, a temporary database made), a record that says how to undo it is made durable. There is one undo code path:
 * the `recover` of the part that wrote the record, used at the normal end of an operation, when it fails, and by the
 * next process when this one died.
 */
export interface JournalRecord {
  /** Who can settle it: `containers`, or the name of a database (its adapter). */
  readonly part: string;
  readonly action: string;
  readonly data: Json;
}

/** `undo`: put back what was before. `finish`: the operation has succeeded, keep its result and clear away the rest. */
export type Settlement = "undo" | "finish";

/** Written down before content is changed: what a rollback must know, also one by the next process. */
export interface Safeguard {
  /** How many records, the oldest, keep writers out: they are undone last, after what was put back was looked at. */
  readonly fence: number;
  /** Id of the backup of what was there before; undefined where none was wanted. */
  readonly backup?: string | undefined;
}

/** Whoever writes journal records. */
export interface Recoverer {
  /**
   * Settles one record. Must be idempotent, must look at what is really there (the process may have died before, within or
   * after the act), must not need anything the dead process held in memory, and runs to its end: it is not cancelled.
   */
  recover(record: JournalRecord, settlement: Settlement, context: RecoveryContext): Promise<void>;
}

/** Finds who settles a record; throws where its part is not known (a database that is no longer configured). */
export type RecovererLookup = (record: JournalRecord) => Recoverer;

export interface OperationInfo {
  /** `backup`, `restore`. */
  readonly command: string;
  readonly database: string;
}

/** The records of one operation, newest last. */
export interface JournalOperation {
  readonly id: string;
  /** Writes a record; when it resolves, the record is on disk and the act may begin. */
  record(record: JournalRecord): Promise<JournalEntry>;
}

export interface JournalEntry {
  readonly record: JournalRecord;
  /** Settles the record now and takes it out. A second call does nothing. */
  settle(settlement: Settlement): Promise<void>;
}

/** Looks at what an undoing has put back. */
export type Look = (safeguard: Safeguard, operation: JournalOperation) => Promise<void>;
