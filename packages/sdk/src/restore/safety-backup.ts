import {
  BackupError,
  textOf,
  toBackupError,
  type BackupErrorReason,
  type ContainerInfo,
  type DatabaseAdapter,
  type FormFacts,
  type FrozenCopy,
  type Manifest,
  type OperationContext,
  type Probe,
} from "@sutazai/backup-core";
import { verifyStructure } from "@sutazai/backup-verifier";
import type { SystemParts } from "../context.ts";
import { note } from "../verify/prove.ts";
import { assertRestorable } from "./checks.ts";
import { rawArtifact, rawForm, readerOf } from "./raw-form.ts";
import { takeBackup } from "../backup/take-backup.ts";
import { madeBy } from "../version.ts";
import { givenBack } from "../warn.ts";

export interface SafetyFacts {
  readonly probe: Probe;
  readonly runId: string;
}

/** They say nothing of the server: taking its files instead would not help, or is not wanted. */
const notTheServer: ReadonlySet<BackupErrorReason> = new Set(["cancelled", "configuration", "locked", "no-space"]);

/** Writers are fenced off, and what cannot be dumped serves nobody well: it may stand still for longer than for an ordinary backup. */
const maxPauseMs = 5 * 60_000;

/**
 * Backs up the present state before a restore. A server too broken to be dumped gives its raw files instead. Throws `refused` where
 * neither can be had, with both reasons; `no-space` and `cancelled` as they come.
 */
export async function takeSafetyBackup(
  parts: SystemParts,
  adapter: DatabaseAdapter,
  context: OperationContext,
  facts: SafetyFacts,
): Promise<Manifest> {
  let dumpError: BackupError;
  try {
    // Writers are kept out meanwhile: what nothing could restore is not even begun.
    assertRestorable(adapter, adapter.capabilities.forms);
    return (await takeBackup(parts, adapter, context, { ...facts, purpose: "safety" })).manifest;
  } catch (thrown) {
    dumpError = toBackupError(thrown, { database: adapter.name });
    if (context.signal.aborted || notTheServer.has(dumpError.reason)) throw dumpError;
  }
  context.progress({ step: "copying the raw files: it cannot be dumped" });
  try {
    return await takeRawBackup(parts, adapter, context, facts, dumpError);
  } catch (thrown) {
    const rawError = toBackupError(thrown, { database: adapter.name });
    if (context.signal.aborted || rawError.reason === "cancelled") throw rawError;
    throw new BackupError(
      "refused",
      `there is no safety backup: the present state cannot be dumped (${dumpError.message}), nor its files be copied (${rawError.message})`,
      {
        operation: "restore.safety-backup",
        database: adapter.name,
        hint: "mend what the message names, or say --no-safety-backup: what is there now is then gone for good once the restore has succeeded",
        details: { dump: dumpError.reason, files: rawError.reason },
        cause: dumpError,
      },
    );
  }
}

/** One backup of the directories that a container writes to, whatever is in them: copied while nothing in it runs. */
async function takeRawBackup(
  parts: SystemParts,
  adapter: DatabaseAdapter,
  context: OperationContext,
  { probe, runId }: SafetyFacts,
  why: BackupError,
): Promise<Manifest> {
  const { containers, journal, signal } = context;
  const { container } = probe;
  if (container === undefined) throw cannotCopy("there is no container whose files could be copied");
  const startedAt = new Date().toISOString();
  const definition = await containers.definition(container.id);
  const { directories, leftOut } = await writtenDirectories(context, container);
  if (directories.length === 0) throw cannotCopy(`container ${container.name} writes to no volume`);

  const copy = await containers.frozenCopy({
    container,
    paths: directories,
    purpose: "safety",
    maxPauseMs,
    journal,
    signal,
  });
  await using _copy = givenBack(parts, `the copy of container ${container.name}`, copy);
  const staged = await parts.store.begin(adapter.name, adapter.kind);
  await using _staged = givenBack(parts, `what was staged of backup ${staged.id}`, staged);
  for (const directory of directories) await staged.write(rawArtifact(directory), copy.read(directory));
  const forms = [formOf(copy, directories, leftOut)];
  const verification = await verifyStructure(
    { artifacts: staged.artifacts, forms, details: null, read: (name) => staged.read(name) },
    readerOf(forms, adapter),
    signal,
  );
  if (!verification.ok) throw cannotCopy(`what was written is not whole: ${verification.problems.join("; ")}`);
  signal.throwIfAborted();
  const manifest = await staged.publish({
    parents: [],
    runId,
    purpose: "safety",
    status: "ok",
    startedAt,
    endedAt: new Date().toISOString(),
    madeBy,
    serverVersion: probe.version,
    container: definition,
    empty: false,
    incomplete: [],
    warnings: [`the raw files, for it could not be dumped: ${why.message}`],
    forms,
    details: null,
  });
  await note(parts, manifest.id, verification);
  return manifest;
}

function formOf(copy: FrozenCopy, directories: readonly string[], leftOut: readonly string[]): FormFacts {
  return {
    name: rawForm,
    method: `copy of the files (${copy.method})`,
    capture: copy.capture,
    pausedMs: Math.ceil(copy.frozenMs),
    artifacts: directories.map(rawArtifact),
    fingerprint: { content: { absent: "raw files are not looked into" } },
    notCovered: leftOut.map((place) => `${place}: nothing is written there, or it is no directory`),
  };
}

interface Written {
  readonly directories: readonly string[];
  readonly leftOut: readonly string[];
}

/** The mounts that it may write to and that are directories, none within another. */
async function writtenDirectories(
  { containers, signal }: OperationContext,
  container: ContainerInfo,
): Promise<Written> {
  const mounts = container.mounts.filter(({ type }) => type === "volume" || type === "bind");
  const places = mounts.filter(({ writable }) => writable).map(({ destination }) => destination);
  const outermost = places.filter((place) => !places.some((other) => other !== place && place.startsWith(`${other}/`)));
  const directories = outermost.length === 0 ? [] : await directoriesAmong(containers, container, outermost, signal);
  return {
    directories,
    leftOut: mounts.map(({ destination }) => destination).filter((place) => !isWithin(place, directories)),
  };
}

function isWithin(place: string, directories: readonly string[]): boolean {
  return directories.some((directory) => place === directory || place.startsWith(`${directory}/`));
}

/** A bind mount may be a single file, or a socket. */
async function directoriesAmong(
  containers: OperationContext["containers"],
  { id, imageId }: ContainerInfo,
  places: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const tool = await containers.sidecar({
    image: imageId,
    purpose: "safety-look",
    command: ["sh", "-c", `for place; do [ -d "$place" ] && echo y || echo n; done`, "look", ...places],
    volumesOf: id,
    volumesReadOnly: true,
    user: "0:0",
    signal,
  });
  const answers = (await textOf(tool, { tool: "sh", operation: "restore.safety-backup" })).trim().split("\n");
  return places.filter((_, index) => answers[index] === "y");
}

function cannotCopy(message: string): BackupError {
  return new BackupError("unsupported", message, { operation: "restore.safety-backup" });
}
