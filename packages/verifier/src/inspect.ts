import {
  BackupError,
  toBackupError,
  type BackupErrorReason,
  type Bytes,
  type DatabaseAdapter,
  type Fingerprint,
  type InspectionContext,
} from "@sutazai/backup-core";
import type { StructureSource } from "./structure.ts";

/** What one artifact says of itself. */
export interface InspectedArtifact {
  readonly facts: Fingerprint;
  readonly problems: readonly string[];
}

/** How many artifacts are read at once: their formats are parsed on one thread. */
const together = 2;

/** Errors that speak of the backup. All others say that it could not be looked at. */
const findings: ReadonlySet<BackupErrorReason> = new Set(["corrupt", "incomplete", "mismatch"]);

/** Reads every artifact to its end. Rejects only once nothing is being read any more. */
export async function inspectAll(
  source: StructureSource,
  adapter: Pick<DatabaseAdapter, "inspectArtifact">,
  signal: AbortSignal,
  scratch: string | undefined,
): Promise<ReadonlyMap<string, InspectedArtifact>> {
  const ofForms = new Set(source.forms.flatMap(({ artifacts }) => artifacts));
  const inspected = new Map<string, InspectedArtifact>();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const queue = source.artifacts.values();
  const work = async (): Promise<void> => {
    for (const { name, plain } of queue) {
      const inspector = ofForms.has(name) ? adapter : undefined;
      const context = { details: source.details, signal: either, bytes: plain.bytes, scratch };
      inspected.set(name, await inspectOne(name, source, inspector, context));
    }
  };
  const workers = Array.from({ length: together }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(workers);
  if (outcomes.some(({ status }) => status === "rejected")) {
    throw toBackupError(either.reason, { operation: "verify.structure" });
  }
  return inspected;
}

async function inspectOne(
  name: string,
  source: StructureSource,
  adapter: Pick<DatabaseAdapter, "inspectArtifact"> | undefined,
  context: InspectionContext,
): Promise<InspectedArtifact> {
  const { signal } = context;
  let ended = false;
  const watched = async function* (): Bytes {
    for await (const chunk of source.read(name)) {
      signal.throwIfAborted();
      yield chunk;
    }
    ended = true;
  };
  try {
    signal.throwIfAborted();
    const content = watched();
    const { facts } =
      adapter === undefined
        ? { facts: await readToEnd(content) }
        : await adapter.inspectArtifact(name, content, context);
    // Its digests were compared only at the end of it.
    if (!ended) signal.throwIfAborted();
    if (!ended) throw new BackupError("incomplete", "was not read to its end by its adapter");
    return { facts, problems: [] };
  } catch (thrown) {
    const error = toBackupError(thrown, { operation: "verify.structure" });
    if (!findings.has(error.reason)) throw error;
    return { facts: {}, problems: [`${name}: ${error.message}`] };
  }
}

async function readToEnd(content: Bytes): Promise<Fingerprint> {
  for await (const _ of content);
  return {};
}
