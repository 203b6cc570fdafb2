import { mkdtemp, open, readdir, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes, DatabaseKind, Manifest, Store } from "@sutazai/backup-core";
import { onTestFinished } from "vitest";
import { directoryStore, type DirectoryStoreOptions } from "../src/index.ts";
import { codecs, draftOf, gzip, none } from "./samples.ts";

export { codecs, draftOf, gzip, none };

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

export interface Sample {
  readonly database?: string;
  readonly kind?: DatabaseKind;
  readonly artifacts?: Readonly<Record<string, string>>;
}

export async function publishSample(store: Store, sample: Sample = {}): Promise<Manifest> {
  const { database = "postgres", kind = "postgres", artifacts = { "globals.sql": "create role app;\n" } } = sample;
  await using staged = await store.begin(database, kind);
  for (const [name, content] of Object.entries(artifacts)) await staged.write(name, bytesOf(content));
  return await staged.publish(draftOf(Object.keys(artifacts)));
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

type FileMethod = "appendFile" | "sync" | "writev";
type Proceed = (...args: unknown[]) => Promise<unknown>;

/**
 * Puts itself between the store and the disk: every call of a method of any open file goes through `instead`, which is told the
 * how manieth it is. Undone by what is returned, or at the end of the test.
 */
export async function overFiles(
  method: FileMethod,
  instead: (nth: number, proceed: Proceed, args: unknown[]) => Promise<unknown>,
): Promise<() => void> {
  const file = await open("/dev/null");
  const prototype = Object.getPrototypeOf(file) as Record<FileMethod, Proceed>;
  await file.close();
  const original = prototype[method];
  let calls = 0;
  prototype[method] = function (this: FileHandle, ...args) {
    calls += 1;
    return instead(calls, original.bind(this), args);
  };
  const restore = (): void => {
    prototype[method] = original;
  };
  onTestFinished(restore);
  return restore;
}

export function injected(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
