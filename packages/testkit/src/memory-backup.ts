import { createHash } from "node:crypto";
import {
  BackupError,
  newId,
  type ArtifactSink,
  type ArtifactSource,
  type BackupFacts,
  type Bytes,
  type DatabaseAdapter,
  type Manifest,
} from "@sutazai/backup-core";

const chunkSize = 64 * 1024;

/**
 * A backup held in memory: a sink while it is taken, a source once it is sealed. For content of some megabytes. Keeps the
 * sink's obligations to the letter, and holds the adapter to its own: names unique and relative.
 */
export class MemoryBackup implements ArtifactSink, ArtifactSource {
  readonly #artifacts = new Map<string, Buffer>();
  readonly #writing = new Set<string>();
  #manifest: Manifest | undefined;

  /** The plain bytes, by logical name. */
  get artifacts(): ReadonlyMap<string, Buffer> {
    return this.#artifacts;
  }

  get bytes(): number {
    return [...this.#artifacts.values()].reduce((sum, { length }) => sum + length, 0);
  }

  get manifest(): Manifest {
    if (this.#manifest === undefined) throw new Error("this backup was never sealed");
    return this.#manifest;
  }

  async write(name: string, content: Bytes): Promise<void> {
    if (name === "" || name.startsWith("/") || name.split("/").includes("..")) {
      throw new Error(`"${name}" is no name for an artifact`);
    }
    if (this.#artifacts.has(name) || this.#writing.has(name)) throw new Error(`"${name}" was written twice`);
    this.#writing.add(name);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      this.#artifacts.set(name, Buffer.concat(chunks));
    } finally {
      this.#writing.delete(name);
    }
  }

  async *read(name: string): Bytes {
    const content = this.#artifacts.get(name);
    if (content === undefined) {
      throw new BackupError("not-found", `the backup has no artifact "${name}"`, { operation: "testkit.read" });
    }
    yield* inChunks(content, chunkSize);
  }

  /** Makes it a backup that can be restored, with the manifest that a store would have written. */
  seal(adapter: DatabaseAdapter, facts: BackupFacts, startedAt: Date): this {
    if (this.#writing.size > 0) throw new Error(`still being written: ${[...this.#writing].join(", ")}`);
    const { forms, empty, incomplete, warnings, details, serverVersion } = facts;
    this.#manifest = {
      format: "sutazai-backup",
      version: 1,
      id: newId(),
      database: adapter.name,
      kind: adapter.kind,
      sequence: 1,
      parents: [],
      runId: newId(),
      purpose: "backup",
      status: incomplete.length === 0 ? "ok" : "partial",
      startedAt: startedAt.toISOString(),
      endedAt: new Date().toISOString(),
      madeBy: "sutazai-backup testkit",
      container: null,
      serverVersion,
      empty,
      incomplete,
      warnings,
      forms,
      details,
      artifacts: [...this.#artifacts].map(([name, content]) => {
        const digest = { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
        return { name, file: encodeURIComponent(name), codec: "none", plain: digest, stored: digest };
      }),
    };
    return this;
  }
}

/** Content as a stream of copies, since a chunk belongs to whoever got it. */
export async function* inChunks(content: Buffer, size: number): Bytes {
  for (let at = 0; at < content.length; at += size) yield Buffer.from(content.subarray(at, at + size));
}
