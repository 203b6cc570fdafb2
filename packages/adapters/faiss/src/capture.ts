import { setTimeout as sleep } from "node:timers/promises";
import {
  BackupError,
  compareFingerprints,
  isBackupError,
  type Bytes,
  type FormFacts,
  type OperationContext,
} from "@sutazai/backup-core";
import { streamAt, type Place } from "@sutazai/backup-containers";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { FileSet, type SetContent } from "./file-set.ts";
import type { SetRules } from "./options.ts";
import { changedExit, readScript } from "./read-script.ts";
import type { Target } from "./target.ts";

const attempts = 3;

export interface Capture {
  readonly content: SetContent;
  readonly method: string;
  readonly capture: FormFacts["capture"];
  /** Milliseconds that the service stood still. */
  readonly frozenMs: number;
}

/** Whoever takes the archive: called once for each attempt, and rejects where the archive throws. */
type Taker = (tar: Bytes) => Promise<void>;

/**
 * Reads the set as it was at one moment. What changes while it is read, or does not fit together, is read again; a set that does not come to
 * rest is copied while its container stands still. A set that is torn though nobody writes to it is given as it is, with its problems.
 */
export async function capture(
  context: OperationContext,
  target: Target,
  rules: SetRules,
  take: Taker,
): Promise<Capture> {
  let previous: SetContent | undefined;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (attempt > 1) await sleep(200 * attempt, undefined, { signal: context.signal });
    const from = new Date().toISOString();
    const { content, changed } = await attemptAt(context, target.place, rules, take, (found) =>
      isFinal(found, previous),
    );
    if (content !== undefined && !changed) {
      return {
        content,
        method: "files read while nothing changed",
        capture: { from, to: new Date().toISOString() },
        frozenMs: 0,
      };
    }
    previous = content;
  }
  if (target.container === undefined) throw restless();
  return captureFrozen(context, target, rules, take);
}

/** Nothing wrong with it, or the same wrong as before: waiting will not mend it. */
function isFinal(found: SetContent, previous: SetContent | undefined): boolean {
  if (found.problems.length === 0) return true;
  return previous !== undefined && compareFingerprints(previous.fingerprint, found.fingerprint).length === 0;
}

interface Attempt {
  readonly content: SetContent | undefined;
  readonly changed: boolean;
}

async function attemptAt(
  context: OperationContext,
  place: Place,
  rules: SetRules,
  take: Taker,
  isAccepted: (found: SetContent) => boolean,
): Promise<Attempt> {
  const { containers, signal } = context;
  let changed = false;
  let content: SetContent | undefined;
  const tool = { purpose: "faiss-read", script: readScript(rules.excluded), arguments: [place.directory], signal };
  const tar = streamAt(place, containers, tool, ({ code }) => {
    // 1: tar itself has noticed.
    if (code !== changedExit && code !== 1) return undefined;
    changed = code === changedExit;
    return changed ? restless() : undefined;
  });
  try {
    await take(
      passing(tar, rules, context, (found) => {
        content = found;
        if (isAccepted(found)) return;
        changed = true;
        throw restless();
      }),
    );
  } catch (error) {
    // Whatever the sink made of it, it failed because of us.
    if (!changed || signal.aborted) throw error;
  }
  return { content, changed };
}

async function captureFrozen(
  { containers, journal, signal, ...context }: OperationContext,
  target: Target,
  rules: SetRules,
  take: Taker,
): Promise<Capture> {
  const { container, place } = target;
  if (container === undefined) throw restless();
  context.progress({ step: "copying the files while the service stands still" });
  await using copy = await containers.frozenCopy({
    container,
    paths: [place.directory],
    purpose: "faiss",
    ...(target.maxPauseMs !== undefined && { maxPauseMs: target.maxPauseMs }),
    journal,
    signal,
  });
  let content: SetContent | undefined;
  await take(passing(copy.read(place.directory), rules, { ...context, signal }, (found) => (content = found)));
  if (content === undefined) throw restless();
  return {
    content,
    method: `frozen copy (${copy.method})`,
    capture: copy.capture,
    frozenMs: copy.frozenMs,
  };
}

/** The archive as it is kept: what belongs to the set, account taken of it. `settled` sees the whole before the end mark is written. */
async function* passing(
  tar: Bytes,
  rules: SetRules,
  { progress, signal }: Pick<OperationContext, "progress" | "signal">,
  settled: (content: SetContent) => void,
): Bytes {
  const set = new FileSet(rules);
  let bytes = 0;
  async function* entries(): AsyncIterable<TarInput> {
    for await (const entry of readTar(tar, { types: ["file", "directory", "link", "symlink"] })) {
      signal.throwIfAborted();
      if (rules.isExcluded(entry.name)) continue;
      yield { ...entry, content: set.pass(entry) };
      bytes += entry.size;
      progress({ step: "reading the files", bytes });
    }
    settled(set.end());
  }
  try {
    yield* writeTar(entries());
  } catch (error) {
    if (!isBackupError(error) || error.reason !== "corrupt") throw error;
    if (error.details["refused"] === undefined) throw brokenOff(error);
    throw new BackupError("unsupported", `the set holds what no archive may hold: ${error.message}`, {
      operation: "faiss.read",
      hint: "links must stay within the directory, and pipes and devices are no content: name them in `exclude`",
      cause: error,
    });
  }
}

/** What came is no whole archive: that says nothing of the files. */
function brokenOff(cause: BackupError): BackupError {
  return new BackupError("incomplete", `the files were not read to their end: ${cause.message}`, {
    operation: "faiss.read",
    hint: "see whether Docker or the machine went down meanwhile, then run the backup again",
    cause,
  });
}

function restless(): BackupError {
  return new BackupError("incomplete", `the files changed while they were read, ${attempts} times`, {
    operation: "faiss.read",
    hint: "stop whoever writes to them, or name the container that does, so that it can be held still for the copy",
  });
}
