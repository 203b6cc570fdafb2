import { rename, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  BackupError,
  newId,
  removeAbandoned,
  syncDirectory,
  type Annotation,
  type ArtifactSource,
  type ChainedLog,
  type Codec,
  type CodecName,
  type DatabaseKind,
  type IntegrityReport,
  type Json,
  type LockHolder,
  type Manifest,
  type StagedBackup,
  type Store,
  type StoreLock,
  type StoreLogEntry,
  type StoredBackup,
} from "@sutazai/backup-core";
import { addAnnotation, readAnnotations } from "./annotations.ts";
import { Catalogue, readManifest, sourceOf } from "./catalogue.ts";
import { catchUp, publish, takeOut, type StoreParts } from "./changes.ts";
import { makeDirectories, storing, writeNewFile } from "./files.ts";
import { checkBackup } from "./integrity.ts";
import { LockDirectory, type HeldLock, type LockMode } from "./lock-directory.ts";
import { preparePrivateRoot } from "./private-root.ts";
import { DirectoryStagedBackup } from "./staged-backup.ts";
import { Staging } from "./staging.ts";
import { storeLog, type StoreLogLine } from "./store-log.ts";

export interface DirectoryStoreOptions {
  /** The root; made by `prepare` where there is none. */
  readonly path: string;
  /** How new artifacts are encoded. */
  readonly codec: Codec;
  /** Finds the codec that a manifest names; `none` is also used for what an adapter says is compressed already. */
  readonly codecOf: (name: CodecName) => Codec;
  /** The clock, for ids, log and annotations. */
  readonly now?: () => Date;
}

/** A store in a directory; `docs/format.md` is its format. Does no I/O until it is used. */
export function directoryStore(options: DirectoryStoreOptions): Store {
  return new DirectoryStore(options);
}

const stagingFolder = ".staging";
const locksFolder = ".locks";
const mutexFolder = ".locks/log";
const logFile = "log.jsonl";

class DirectoryStore implements Store {
  readonly location: string;
  readonly #options: DirectoryStoreOptions;
  readonly #parts: StoreParts;
  readonly #locks: LockDirectory;
  readonly #mutex: LockDirectory;
  readonly #log: ChainedLog<StoreLogLine>;
  readonly #held = new Set<HeldLock>();
  readonly #now: () => Date;

  constructor(options: DirectoryStoreOptions) {
    const root = resolve(options.path);
    this.location = root;
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#parts = { root, catalogue: new Catalogue(root), staging: new Staging(join(root, stagingFolder)) };
    this.#locks = new LockDirectory(join(root, locksFolder), `the store ${root}`, this.#now);
    this.#mutex = new LockDirectory(join(root, mutexFolder), `the log of the store ${root}`, this.#now);
    this.#log = storeLog(join(root, logFile), this.#mutex, this.#now);
  }

  prepare(): Promise<void> {
    return this.#storing("prepare", async () => {
      await preparePrivateRoot(this.location);
      await makeDirectories(this.location, [stagingFolder, locksFolder, mutexFolder]);
      // Only writing tells: root may write by its rights to a disk that is read-only or full.
      await using place = await this.#parts.staging.make(newId());
      await writeNewFile(join(place.content, "probe"), Buffer.alloc(4096));
    });
  }

  lock(mode: LockMode, { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal }): Promise<StoreLock> {
    return this.#storing("lock", async () => {
      const lock = await this.#locks.acquire(mode, { patience: wait ? Infinity : 0, signal });
      this.#held.add(lock);
      return {
        mode,
        [Symbol.asyncDispose]: async () => {
          this.#held.delete(lock);
          await lock[Symbol.asyncDispose]();
        },
      };
    });
  }

  lockHolders(): Promise<LockHolder[]> {
    return this.#storing("lock", () => this.#locks.holders());
  }

  unlock(): Promise<LockHolder[]> {
    return this.#storing("unlock", async () => [...(await this.#locks.breakAll()), ...(await this.#mutex.breakAll())]);
  }

  begin(database: string, kind: DatabaseKind): Promise<StagedBackup> {
    return this.#storing("begin", async () => {
      await this.#assertLocked("shared", "store.begin");
      const id = newId(this.#now());
      const place = await this.#parts.staging.make(id);
      const { codec, codecOf } = this.#options;
      return new DirectoryStagedBackup({
        id,
        database,
        kind,
        root: this.location,
        place,
        codec,
        codecOf,
        publish: (staged, manifest) => this.#publish(staged, manifest),
      });
    });
  }

  #publish(staged: string, manifest: Omit<Manifest, "sequence">): Promise<Manifest> {
    const assertLocked = () => this.#assertLocked("shared", "store.publish");
    return this.#log.change((log) => publish(log, this.#parts, staged, manifest, assertLocked));
  }

  list(database?: string): Promise<StoredBackup[]> {
    return this.#storing("list", () => this.#parts.catalogue.list(database));
  }

  open(id: string): Promise<ArtifactSource> {
    return this.#storing("open", async () => {
      const location = await this.#parts.catalogue.find(id);
      const { manifest } = await readManifest(location);
      return sourceOf(location, manifest, this.#options.codecOf);
    });
  }

  checkIntegrity(id: string, signal: AbortSignal): Promise<IntegrityReport> {
    return this.#storing("check", async () => {
      const location = await this.#parts.catalogue.find(id);
      const published = (await this.#log.readable()).findLast(
        ({ action, backup }) => backup === id && action === "publish",
      );
      return checkBackup(location, published?.manifest, signal);
    });
  }

  annotate(id: string, kind: string, value: Json): Promise<void> {
    return this.#storing("annotate", async () => {
      const { path } = await this.#parts.catalogue.find(id);
      await addAnnotation(path, this.#parts.staging, { kind, at: this.#now().toISOString(), value });
    });
  }

  annotations(id: string): Promise<Annotation[]> {
    return this.#storing("annotations", async () => {
      const { path } = await this.#parts.catalogue.find(id);
      return readAnnotations(path);
    });
  }

  delete(id: string): Promise<void> {
    return this.#storing("delete", async () => {
      await this.#assertLocked("exclusive", "store.delete");
      const assertLocked = () => this.#assertLocked("exclusive", "store.delete");
      const place = await this.#log.change((log) => takeOut(log, this.#parts, id, assertLocked));
      await place[Symbol.asyncDispose]();
    });
  }

  writeReport(name: string, report: Json): Promise<string> {
    return this.#storing("report", async () => {
      if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.json$/.test(name)) {
        throw new BackupError("unsupported", `"${name}" is no name for a report`, {
          hint: "use letters, digits, `_`, `-` and `.`, ending in `.json`",
        });
      }
      const path = join(this.location, name);
      await using place = await this.#parts.staging.make(newId());
      const staged = join(place.content, name);
      await writeNewFile(staged, `${JSON.stringify(report, undefined, 1)}\n`);
      await rename(staged, path);
      await syncDirectory(this.location);
      return path;
    });
  }

  async freeSpace(): Promise<number | undefined> {
    try {
      const { bavail, bsize } = await statfs(this.location);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  }

  log(): Promise<StoreLogEntry[]> {
    return this.#storing("log", () => this.#log.read());
  }

  removeOrphans(): Promise<string[]> {
    return this.#storing("remove-orphans", async () => {
      // A deletion that died before its line is entered first: what it left is the only trace of it.
      if ((await this.#parts.staging.takenOut()).length > 0) {
        await this.#log.change((log) => catchUp(log, this.#parts));
      }
      return [
        ...(await this.#parts.staging.removeOrphans()),
        ...(await removeAbandoned(join(this.location, locksFolder))),
      ];
    });
  }

  async #assertLocked(mode: LockMode, operation: string): Promise<void> {
    for (const lock of this.#held) {
      if ((mode === "shared" || lock.mode === "exclusive") && (await lock.isHeld())) return;
    }
    const problem =
      this.#held.size === 0 ? `needs its ${mode} lock` : `is no longer locked by this process (its lock was broken)`;
    throw new BackupError("locked", `the store ${this.location} ${problem}`, {
      operation,
      hint: "take the lock and begin again",
    });
  }

  #storing<T>(operation: string, work: () => Promise<T>): Promise<T> {
    return storing(`store.${operation}`, this.location, work);
  }
}
