import type { Bytes } from "./bytes.ts";
import type { OperationContext } from "./context.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Recoverer } from "./journal-record.ts";
import type { Json } from "./json.ts";
import type { DatabaseKind } from "./kind.ts";
import type { FormFacts, Manifest } from "./manifest.ts";
import type { ContainerInfo, ThrowawaySpec } from "./runtime.ts";

/** What an adapter can do, as data: the engine, the CLI and the conformance suite choose by it. */
export interface AdapterCapabilities {
  /** The forms a backup may hold; the first is the one restored by default. */
  readonly forms: readonly FormCapability[];
  readonly restoreMethods: readonly RestoreMethod[];
  /** Whether one piece (a database, a collection) can be restored out of the whole: `RestoreOptions.only`. */
  readonly restoresPart: boolean;
}

export interface FormCapability {
  readonly name: string;
  /** Everything in it belongs to one moment. */
  readonly pointInTime: boolean;
  /** Taken unless configured otherwise. */
  readonly byDefault: boolean;
}

export interface RestoreMethod {
  readonly name: string;
  /** The forms that it restores; all of them unless given. A backup in none that any method restores is passed over, and must be `partial`: nobody can come back from it. */
  readonly forms?: readonly string[];
  /** The server is stopped and started by it. */
  readonly restarts: boolean;
  /** How writers are kept out from the safety backup to the end of validation; `none` needs `unfenced`. */
  readonly fence: "staged" | "isolated" | "read-only" | "none";
  /**
   * Whether pieces (databases, collections) that the server has and the backup does not are removed: always, since all that there is is replaced, or where
   * `RestoreOptions.exact` asks for it. Never unless given.
   */
  readonly removesOthers?: "always" | "on-request";
}

/** What a look at the server tells. */
export interface Probe {
  /** The server's own version, as it says it. */
  readonly version: string;
  /** What two operations must not touch at once: a container's id, or a URL without credentials. */
  readonly resource: string;
  /** The container, where there is one. */
  readonly container: ContainerInfo | undefined;
  /** About how many bytes a backup will read; undefined where it is not cheap to tell. */
  readonly sizeEstimate: number | undefined;
  /** Things an operator should know though they prevent nothing. */
  readonly warnings: readonly string[];
}

/** Where an adapter puts what it captures. */
export interface ArtifactSink {
  /**
   * Takes one artifact to its end. Logical names are relative paths with `/`, any characters otherwise, unique within the
   * backup. Several may be written at once. Rejects where `content` throws or the store cannot take it; then nothing
   * of it remains.
   */
  write(name: string, content: Bytes, hints?: ArtifactHints): Promise<void>;
}

export interface ArtifactHints {
  /** About how many plain bytes. */
  readonly size?: number;
  /** Compressed already: compressing again would only cost time. */
  readonly compressed?: boolean;
}

/** A backup to restore from. Digests were checked before it is handed to an adapter. */
export interface ArtifactSource {
  readonly manifest: Manifest;
  /** The plain bytes of an artifact; throws `corrupt` where they are not what the manifest says, `not-found` for an unknown name. */
  read(name: string): Bytes;
}

/** What a backup captured. */
export interface BackupFacts {
  readonly serverVersion: string;
  readonly forms: readonly FormFacts[];
  /** Reasons why this is not everything that a user would miss. Any makes the backup `partial`. */
  readonly incomplete: readonly string[];
  readonly warnings: readonly string[];
  /** Nothing of the user's is in it. */
  readonly empty: boolean;
  /** What the adapter itself wants to know at a restore; it validates it when it reads it back. */
  readonly details: Json;
}

export interface RestoreOptions {
  /** A form of the manifest. */
  readonly form: string;
  /** One of `capabilities.restoreMethods`. */
  readonly method: string;
  /** Restore only this piece. */
  readonly only: string | undefined;
  /** Remove what the server has and the backup does not; only for a method that removes it always or on request, and never with `only`. */
  readonly exact?: boolean | undefined;
}

/** What a restore will do; made without touching anything. */
export interface RestorePlan {
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

/** What a restore found in the database it had filled, before anybody could write to it. */
export interface RestoreFacts {
  readonly fingerprint: Fingerprint;
  /** The part of the manifest's fingerprint that this restore answers for: all of it, or that of the piece in `only`. */
  readonly expected: Fingerprint;
  /** How it was found: `dumped again before the cut-over`, `after a restart`. */
  readonly evidence: readonly string[];
  readonly warnings: readonly string[];
}

/** What an artifact says of itself when it is read to its end. */
export interface Inspection {
  /** Facts of the form's fingerprint that this artifact alone settles. */
  readonly facts: Fingerprint;
}

/**
 * One database of one kind. Constructing does no I/O. Methods may be called in any order and, except for `restore`,
 * at the same time. They throw `BackupError` only, with `database` set, and never print. `recover` undoes what the
 * journal records of part `name` tell.
 */
export interface DatabaseAdapter extends Recoverer {
  readonly kind: DatabaseKind;
  /** As configured; unique within a system. */
  readonly name: string;
  readonly capabilities: AdapterCapabilities;

  /** Reaches the server, authenticates and looks; changes nothing. Throws `not-found`, `connection`, `authentication`, … */
  probe(context: OperationContext): Promise<Probe>;

  /**
   * Captures the database into the sink, as streams: nothing is held whole in memory. What it reports was read off the
   * captured bytes or off the server, never assumed. Fails where any tool failed, or where the capture disagrees with an
   * independent inventory taken from the server. The server is left as it was found, whatever happens.
   */
  backup(context: OperationContext, sink: ArtifactSink): Promise<BackupFacts>;

  /** Checks that this backup fits this server (versions, space, what must exist) and says what will be done. Touches nothing. Throws `incompatible-version`, `unsupported`, `not-found`. */
  planRestore(context: OperationContext, manifest: Manifest, options: RestoreOptions): Promise<RestorePlan>;

  /**
   * Keeps writers out, under the journal, until the operation is settled. A no-op where the method itself fences (`staged`).
   * Called once, after `planRestore` and before the safety backup.
   */
  fence(context: OperationContext, options: RestoreOptions): Promise<void>;

  /**
   * Puts the backup in place of what is there, under the journal. Validates what it restored against the manifest while writers are still fenced off and
   * throws `mismatch` where it differs. Until its operation is committed, undoing the journal puts back what was before.
   */
  restore(context: OperationContext, source: ArtifactSource, options: RestoreOptions): Promise<RestoreFacts>;

  /** The content of the live database, in the terms of the given form. Exact only where nobody writes meanwhile. */
  fingerprint(context: OperationContext, form: string): Promise<Fingerprint>;

  /**
   * Reads an artifact in its own format to its end, without a database. Throws `corrupt`, naming the byte offset, for anything that
   * the database's own tools would not take. Input is hostile: no hang, no unbounded memory.
   */
  inspectArtifact(name: string, content: Bytes, facts: InspectionContext): Promise<Inspection>;

  /**
   * How a backup is tried out: an empty server to restore one of its forms into. Does no I/O. A kind without it cannot be drilled.
   */
  drill?(manifest: Manifest, form: string): DrillServer;
}

/** A server for one drill. */
export interface DrillServer {
  /**
   * What its kind decides of the throwaway container; image, memory and network are the engine's. Credentials are made up anew at every call, and
   * go into `environment` or `files`, never into a command. It must stop when it is told to (SIGTERM reaches it), start again with what it had
   * written, and need nothing that the backup's own container had from elsewhere: configuration files, other servers. `freshVolumes` are all the directories
   * that a restore reads or replaces.
   */
  readonly container: Pick<ThrowawaySpec, "entrypoint" | "command" | "environment" | "user" | "files" | "freshVolumes">;
  /** The server in that container, as a database: it answers `probe` as soon as it can be restored into. Of its restore methods, the first that goes with the form is taken. */
  adapter(containerId: string): DatabaseAdapter;
  /**
   * Holds what the server has against the backup, in full: the fingerprint, and beyond it what else tells that it serves as before (stored
   * vectors are found by a search, the server's own check of its files). Changes nothing. Throws `mismatch` for what no fact tells; the facts
   * are compared by whoever calls. Waits until the server has loaded and indexed all it needs.
   */
  compare(context: OperationContext, containerId: string, source: ArtifactSource): Promise<RestoreFacts>;
  /**
   * Has the files checked by a tool of the database's own that wants the server stopped. Called last, after all comparisons: it stops the server, which nobody
   * starts again. Returns the evidence, what could not be proven among it. Throws `corrupt` for what the tool finds.
   */
  checkFiles?(context: OperationContext, containerId: string, source: ArtifactSource): Promise<readonly string[]>;
}

/** What of the manifest an inspection may use; available before the manifest is written. */
export interface InspectionContext {
  readonly details: Json;
  readonly signal: AbortSignal;
  /** How many bytes the content will come to, where that is recorded. What has to be unpacked is refused beforehand where there is no room for it. */
  readonly bytes?: number | undefined;
  /** An existing directory for what cannot be read as it comes, emptied by its owner afterwards; the system's temporary directory unless given. */
  readonly scratch?: string | undefined;
}
