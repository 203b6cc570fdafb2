import { once } from "node:events";
import { PassThrough } from "node:stream";
import {
  BackupError,
  type ArtifactSink,
  type Bytes,
  type ContainerInfo,
  type FormFacts,
  type FrozenCopy,
  type OperationContext,
} from "@sutazai/backup-core";
import { PassingDigest } from "@sutazai/backup-formats";
import { dataArtifact } from "../details.ts";
import type { Server } from "../server.ts";
import type { Site } from "../site.ts";
import { dataPlace } from "../target.ts";
import type { DataContent } from "./content.ts";
import { contentOf } from "./scratch.ts";

/** What came of the form `data`. */
export interface DataCapture {
  readonly form: FormFacts;
  readonly content: DataContent;
  readonly digest: string;
  readonly frozenMs: number;
}

/** The persist directory as it was at one moment, while no process of the server ran. */
export async function copyData(
  { containers, journal, signal, progress }: OperationContext,
  server: Server,
): Promise<{ readonly copy: FrozenCopy; readonly directory: string }> {
  const container = containerOf(server);
  const { directory } = dataPlace(container, server.options.directory);
  progress({ step: "copying the data directory" });
  const { maxPauseSeconds } = server.options;
  const copy = await containers.frozenCopy({
    container,
    paths: [directory],
    purpose: "chromadb",
    // It maps no files into memory to write to them (see the tests).
    ahead: true,
    ...(maxPauseSeconds !== undefined && { maxPauseMs: maxPauseSeconds * 1_000 }),
    journal,
    signal,
  });
  return { copy, directory };
}

export async function captureData(context: OperationContext, server: Server, sink: ArtifactSink): Promise<DataCapture> {
  const taken = await copyData(context, server);
  await using copy = taken.copy;
  const passing = new PassingDigest();
  let content: DataContent | undefined;
  await sink.write(
    dataArtifact,
    readAlong(observed(passing.observe(copy.read(taken.directory)), context), async (tar) => {
      content = await contentOf(tar, context);
    }),
  );
  if (content === undefined)
    throw new BackupError("unknown", "the archive was not read", { operation: "chromadb.copy" });
  return {
    content,
    digest: passing.hex(),
    frozenMs: copy.frozenMs,
    form: {
      name: "data",
      method: `frozen copy (${copy.method})`,
      capture: copy.capture,
      pausedMs: copy.frozenMs,
      artifacts: [dataArtifact],
      fingerprint: content.fingerprint,
      notCovered: ["settings that the server was started with: its configuration file and environment"],
    },
  };
}

/** What the live server would start from. */
export async function liveContent(context: OperationContext, server: Server): Promise<DataContent> {
  const { copy, directory } = await copyData(context, server);
  await using held = copy;
  return await contentOf(held.read(directory), context);
}

export function containerOf({ container, database }: Site): ContainerInfo {
  if (container !== undefined) return container;
  throw new BackupError("unsupported", "a URL does not lead to the data directory", {
    operation: "chromadb.locate",
    database,
    hint: "name the `container`, or use the form `export`",
  });
}

async function* observed(bytes: Bytes, { progress, signal }: OperationContext): Bytes {
  let passed = 0;
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    yield chunk;
    passed += chunk.length;
    progress({ step: "reading the copy", bytes: passed });
  }
}

/** The bytes, given on while a reader reads them too, at the pace of the slower one. What the reader throws ends them with that error; they end after it. */
async function* readAlong(bytes: Bytes, read: (bytes: Bytes) => Promise<void>): Bytes {
  const copy = new PassThrough();
  // Heard at the end, or where the next piece cannot be given to it any more.
  let failure: { readonly error: unknown } | undefined;
  const reading = read(copy).catch((error: unknown) => {
    failure = { error };
    copy.destroy();
  });
  try {
    for await (const chunk of bytes) {
      yield chunk;
      // A chunk belongs to whoever was given it.
      if (failure === undefined && !copy.write(Buffer.from(chunk))) await drained(copy);
    }
    copy.end();
    await reading;
    if (failure !== undefined) throw failure.error;
  } finally {
    copy.destroy();
    await reading;
  }
}

async function drained(stream: PassThrough): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
  done.abort();
}
