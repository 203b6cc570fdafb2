import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import {
  BackupError,
  type Bytes,
  type Codec,
  type DatabaseKind,
  type Manifest,
  type ManifestDraft,
  type Store,
} from "@sutazai/backup-core";
import { onTestFinished } from "vitest";
import { directoryStore, type DirectoryStoreOptions } from "../src/index.ts";

export const none: Codec = { name: "none", suffix: "", encode: (plain) => plain, decode: (encoded) => encoded };

/** Node's own gzip: enough of a codec for what the store has to prove. */
export const gzip: Codec = {
  name: "gzip",
  suffix: ".gz",
  encode: (plain) => through(plain, createGzip()),
  decode: async function* (encoded) {
    try {
      yield* through(encoded, createGunzip());
    } catch (error) {
      if (String((error as NodeJS.ErrnoException).code).startsWith("Z_")) {
        throw new BackupError("corrupt", "not gzip at some offset", { cause: error });
      }
      throw error;
    }
  },
};

async function* through(bytes: Bytes, transform: ReturnType<typeof createGzip>): Bytes {
  const source = Readable.from(bytes);
  source.on("error", (error) => transform.destroy(error));
  try {
    yield* source.pipe(transform) as Bytes;
  } finally {
    source.destroy();
    transform.destroy();
  }
}

export const codecs: Record<string, Codec> = { none, gzip };

export async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "store-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export function storeAt(path: string, options: Partial<DirectoryStoreOptions> = {}): Store {
  return directoryStore({ path, codec: gzip, codecOf: (name) => codecs[name] ?? none, ...options });
}

/** A prepared store under its shared lock, in a directory that goes with the test. */
export async function openStore(options: Partial<DirectoryStoreOptions> = {}): Promise<Store> {
  const store = storeAt(join(await scratch(), "backups"), options);
  await store.prepare();
  const lock = await store.lock("shared", { wait: false, signal: never });
  onTestFinished(() => lock[Symbol.asyncDispose]());
  return store;
}

export const never: AbortSignal = new AbortController().signal;

export function draftOf(artifacts: readonly string[], changes: Partial<ManifestDraft> = {}): ManifestDraft {
  return {
    parents: [],
    runId: "run-1",
    purpose: "backup",
    status: "ok",
    startedAt: "2026-11-23T13:00:00Z",
    endedAt: "2026-11-23T13:00:01Z",
    madeBy: "sutazai-backup 0.0.0",
    serverVersion: "17.12",
    container: null,
    empty: false,
    incomplete: [],
    warnings: [],
    forms: [
      {
        name: "dump",
        method: "test",
        capture: { from: "2026-11-23T13:00:00Z", to: "2026-11-23T13:00:00Z" },
        artifacts,
        fingerprint: { rows: { exact: 3 } },
        notCovered: [],
      },
    ],
    details: null,
    ...changes,
  };
}

export interface Sample {
  readonly database?: string;
  readonly kind?: DatabaseKind;
  readonly artifacts?: Readonly<Record<string, string>>;
}

export async function publishSample(store: Store, sample: Sample = {}): Promise<Manifest> {
  const { database = "postgres", kind = "postgres", artifacts = { "globals.sql": "create role app;\n" } } = sample;
  await using staged = await store.begin(database, kind);
  for (const [name, content] of Object.entries(artifacts)) await staged.write(name, bytesOf(content));
  return staged.publish(draftOf(Object.keys(artifacts)));
}

export async function* bytesOf(...chunks: readonly (string | Uint8Array)[]): Bytes {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

export async function collect(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Every file below a directory, as relative paths. */
export async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}
