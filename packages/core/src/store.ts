import type { ArtifactSink, ArtifactSource } from "./adapter.ts";
import type { Bytes } from "./bytes.ts";
import type { BackupError } from "./error.ts";
import type { Json } from "./json.ts";
import type { DatabaseKind } from "./kind.ts";
import type { ArtifactEntry, Manifest } from "./manifest.ts";

/** What the store itself adds to a manifest. */
export type ManifestDraft = Omit<
  Manifest,
  "format" | "version" | "id" | "database" | "kind" | "sequence" | "artifacts"
>;

/** A backup being written. Invisible to everybody else until published; disposing one that was not removes every trace. */
export interface StagedBackup extends ArtifactSink, AsyncDisposable {
  readonly id: string;
  /** What has been written to its end so far. */
  readonly artifacts: readonly ArtifactEntry[];
  /** Reads back what was stored (not what was handed in), to prove it before publishing. */
  read(name: string): Bytes;
  /**
   * Makes the backup exist, at once and durably: artifacts first, the manifest last, then the log. Throws `locked` where
   * the store's lock was lost meanwhile. Nothing published is ever rewritten.
   */
  publish(draft: ManifestDraft): Promise<Manifest>;
}

/** A listed backup: with its manifest, or with what is wrong with it. */
export type StoredBackup =
  | { readonly id: string; readonly database: string; readonly manifest: Manifest; readonly problem?: undefined }
  | { readonly id: string; readonly database: string; readonly manifest?: undefined; readonly problem: BackupError };

/** Something learnt of a backup after it was published. */
export interface Annotation {
  /** `verification`, `pin`. */
  readonly kind: string;
  readonly at: string;
  readonly value: Json;
}

/** What a checksum pass found, file by file. */
export interface IntegrityReport {
  readonly files: number;
  readonly bytes: number;
  /** Empty where every stored file is there, is what the manifest says, and nothing else is. */
  readonly problems: readonly string[];
}

export interface StoreLogEntry {
  readonly sequence: number;
  readonly at: string;
  readonly action: "publish" | "delete";
  readonly backup: string;
  readonly database: string;
  /** The database's sequence number of the backup. */
  readonly backupSequence: number;
  /** SHA-256 of the manifest's bytes. */
  readonly manifest: string;
  /** SHA-256 of the line before; zeros for the first. */
  readonly previous: string;
  /** SHA-256 of this line: the log's head when it was the last. */
  readonly head: string;
}

export interface StoreLock extends AsyncDisposable {
  readonly mode: "shared" | "exclusive";
}

export interface LockHolder {
  readonly mode: "shared" | "exclusive";
  readonly since: string;
  /** `process 4711 on host`. */
  readonly holder: string;
  readonly liveness: "alive" | "dead" | "foreign";
}

/**
 * Where backups live. Constructing does no I/O. Whatever is listed without a problem is complete as far as its
 * publisher could prove; without its manifest a backup does not exist.
 */
export interface Store {
  /** For people: a path or a URL, without credentials. */
  readonly location: string;
  /** Makes the store usable or throws: `permission` (not writable, or writable by others), `no-space`, `not-found`. */
  prepare(): Promise<void>;
  /** `shared` for backup, restore and verify, `exclusive` for deleting. Throws `locked`, naming the holder and since when; with `wait`, waits until the signal ends it. */
  lock(
    mode: "shared" | "exclusive",
    options: { readonly wait: boolean; readonly signal: AbortSignal },
  ): Promise<StoreLock>;
  lockHolders(): Promise<LockHolder[]>;
  /** Breaks the locks whatever their holders; returns whose they were. */
  unlock(): Promise<LockHolder[]>;
  begin(database: string, kind: DatabaseKind): Promise<StagedBackup>;
  /** Oldest first, by sequence. */
  list(database?: string): Promise<StoredBackup[]>;
  /** Throws `not-found`, `corrupt`, `incompatible-version`. */
  open(id: string): Promise<ArtifactSource>;
  /** Compares every stored byte with the manifest. */
  checkIntegrity(id: string, signal: AbortSignal): Promise<IntegrityReport>;
  annotate(id: string, kind: string, value: Json): Promise<void>;
  annotations(id: string): Promise<Annotation[]>;
  /** Removes a backup: the manifest goes first, so that a half-deleted one is never listed. Needs the exclusive lock. */
  delete(id: string): Promise<void>;
  /** Keeps a report of a run or restore beside the backups, and returns where. */
  writeReport(name: string, report: Json): Promise<string>;
  /** Bytes that can still be written; undefined where it cannot be told. */
  freeSpace(): Promise<number | undefined>;
  /** The log, followed from end to end; throws `corrupt` where the chain is broken. */
  log(): Promise<StoreLogEntry[]>;
  /** Removes what dead processes left half-written; returns what it removed. */
  removeOrphans(): Promise<string[]>;
}
