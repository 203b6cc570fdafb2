import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupError,
  manifestVersion,
  toBackupError,
  type ArtifactEntry,
  type ArtifactHints,
  type Bytes,
  type Codec,
  type CodecName,
  type DatabaseKind,
  type Manifest,
  type ManifestDraft,
  type StagedBackup,
} from "@sutazai/backup-core";
import { readArtifact, writeArtifact } from "./artifact.ts";
import { makeDirectories, storing } from "./files.ts";
import { ArtifactNames, foldersOf } from "./names.ts";
import type { StagingPlace } from "./staging.ts";

export interface StagedBackupOptions {
  readonly id: string;
  readonly database: string;
  readonly kind: DatabaseKind;
  readonly root: string;
  readonly place: StagingPlace;
  readonly codec: Codec;
  readonly codecOf: (name: CodecName) => Codec;
  /** Numbers it, moves it into place and logs it. */
  readonly publish: (staged: string, manifest: Omit<Manifest, "sequence">) => Promise<Manifest>;
}

type State = "open" | "publishing" | "published" | "disposed";

/** A backup being written to its own place in the staging area. */
export class DirectoryStagedBackup implements StagedBackup {
  readonly id: string;
  readonly #options: StagedBackupOptions;
  readonly #names: ArtifactNames = new ArtifactNames();
  readonly #artifacts: ArtifactEntry[] = [];
  #state: State = "open";
  #publishing: Promise<Manifest> | undefined;
  #writing = 0;

  constructor(options: StagedBackupOptions) {
    this.id = options.id;
    this.#options = options;
  }

  get artifacts(): readonly ArtifactEntry[] {
    return this.#artifacts;
  }

  async write(name: string, content: Bytes, hints: ArtifactHints = {}): Promise<void> {
    this.#assertOpen("store.write");
    const { codec: usual, codecOf, root, place, database } = this.#options;
    const codec = hints.compressed === true ? codecOf("none") : usual;
    const file = this.#names.claim(name, codec.suffix);
    const path = join(place.content, file);
    this.#writing += 1;
    try {
      await storing("store.write", root, () => makeDirectories(place.content, foldersOf(file)));
      const written = await writeArtifact(path, this.#whileOpen(content), codec, root);
      this.#assertOpen("store.write");
      this.#artifacts.push({ name, file, codec: codec.name, ...written });
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      this.#names.release(name, file);
      throw toBackupError(error, { database, details: { artifact: name } });
    } finally {
      this.#writing -= 1;
    }
  }

  read(name: string): Bytes {
    const entry = this.#artifacts.find((artifact) => artifact.name === name);
    if (entry === undefined) throw noArtifact(name, this.id, this.#options.database);
    return readArtifact(this.#options.place.content, entry, this.#options.codecOf);
  }

  async publish(draft: ManifestDraft): Promise<Manifest> {
    this.#assertOpen("store.publish");
    const { database, kind, root, place } = this.#options;
    if (this.#writing > 0) {
      throw new BackupError("incomplete", `${this.#writing} artifacts of ${database} are still being written`, {
        operation: "store.publish",
        database,
        hint: "wait for every write before publishing",
      });
    }
    const names = new Set(this.#artifacts.map((artifact) => artifact.name));
    const missing = draft.forms.flatMap((form) => form.artifacts).filter((name) => !names.has(name));
    if (missing.length > 0) {
      throw new BackupError("incomplete", `the backup of ${database} lacks ${missing.join(", ")}`, {
        operation: "store.publish",
        database,
        details: { missing },
      });
    }
    this.#state = "publishing";
    this.#publishing = storing("store.publish", root, () =>
      this.#options.publish(place.content, {
        format: "sutazai-backup",
        version: manifestVersion,
        id: this.id,
        database,
        kind,
        ...draft,
        artifacts: this.#artifacts,
      }),
    );
    let manifest: Manifest;
    try {
      manifest = await this.#publishing;
    } catch (error) {
      this.#state = "open";
      throw toBackupError(error, { database });
    }
    this.#state = "published";
    await place[Symbol.asyncDispose]().catch(() => undefined); // Empty by now; `removeOrphans` takes it otherwise.
    return manifest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publishing?.catch(() => undefined); // Whoever awaits `publish` is told.
    if (this.#state === "published" || this.#state === "disposed") return;
    this.#state = "disposed";
    const { place, root } = this.#options;
    await storing("store.discard", root, () => place[Symbol.asyncDispose]());
  }

  /** Ends a write whose backup was disposed of meanwhile. */
  async *#whileOpen(content: Bytes): Bytes {
    for await (const chunk of content) {
      this.#assertOpen("store.write");
      yield chunk;
    }
  }

  #assertOpen(operation: string): void {
    if (this.#state === "open") return;
    const { database } = this.#options;
    throw new BackupError("cancelled", `the backup ${this.id} of ${database} is ${this.#state} already`, {
      operation,
      database,
    });
  }
}

export function noArtifact(name: string, backup: string, database: string): BackupError {
  return new BackupError("not-found", `the backup ${backup} has no artifact "${name}"`, {
    operation: "store.read",
    database,
    hint: "see what it holds with `sutazai-backup show`",
  });
}
