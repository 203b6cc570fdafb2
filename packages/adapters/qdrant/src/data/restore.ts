import { setTimeout as sleep } from "node:timers/promises";
import {
  assertRestartable,
  assertSpace,
  exchangeFiles,
  planSwap,
  stagedAction,
  stopTolerantly,
  swapAsJson,
  swappedAction,
  unpackAside,
} from "@sutazai/backup-containers";
import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  toBackupError,
  type ArtifactSource,
  type Bytes,
  type Fingerprint,
  type Manifest,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { readTar, writeTar, type TarEntryType } from "@sutazai/backup-formats";
import { listCollections } from "../collections.ts";
import { dataArtifact } from "../details.ts";
import { fingerprint } from "../fingerprint.ts";
import type { QdrantOptions } from "../options.ts";
import { assertVersions } from "../plan.ts";
import { untilIndexed } from "../replace.ts";
import { Server } from "../server.ts";
import { containerOf, dataPlace } from "./place.ts";

export const replaceMethod = "replace";
export const dataEntries: readonly TarEntryType[] = ["file", "directory", "link", "symlink"];

const operation = "qdrant.plan-restore";
const startAttempts = 240;

/** Checks that the files fit the server; changes nothing. */
export async function planReplacement(
  { containers, signal }: OperationContext,
  server: Server,
  options: QdrantOptions,
  manifest: Manifest,
  { method, only }: RestoreOptions,
): Promise<RestorePlan> {
  const refuse = (message: string, hint: string) => new BackupError("unsupported", message, { operation, hint });
  if (method !== replaceMethod) {
    throw refuse(`the form data is not restored by "${method}"`, `use the method "${replaceMethod}"`);
  }
  if (only !== undefined) {
    throw refuse(
      "a collection is not restored alone out of a storage directory",
      "restore a backup with the form snapshot",
    );
  }
  assertVersions(
    "data",
    manifest.serverVersion,
    server.version,
    (reason, message, hint) => new BackupError(reason, message, { operation, hint }),
  );
  const container = containerOf(server);
  assertRestartable(container, {
    operation,
    hint: "restore into a container that may be stopped, or restore the form snapshot",
  });
  const { name } = container;
  const place = dataPlace(server, options.directory);
  const bytes = manifest.artifacts.find((artifact) => artifact.name === dataArtifact)?.plain.bytes;
  if (bytes === undefined) throw lacking(manifest);
  await assertSpace(place, containers, { bytes, description: `${place.directory} of ${name}`, operation, signal });
  return {
    steps: [
      `unpack the storage directory beside the present one in ${place.directory}`,
      `stop ${name}, set the present files aside, put those of the backup in their place`,
      `start ${name}, wait until it has indexed everything, compare with the backup; restart it, and compare again`,
      "remove what was set aside",
    ],
    warnings: ["everything that the server holds is replaced, also collections that the backup does not have"],
  };
}

/** Exchanges the storage directory while the server is stopped. In the journal, oldest first: what is staged beside, the stop, the exchange. */
export async function restoreByReplacing(
  context: OperationContext,
  server: Server,
  options: QdrantOptions,
  source: ArtifactSource,
): Promise<RestoreFacts> {
  const { containers, journal, signal, progress } = context;
  const container = containerOf(server);
  const { manifest } = source;
  const swap = planSwap(dataPlace(server, options.directory), journal.id);
  const record = { part: server.database, data: swapAsJson(swap) };
  const warnings = [...server.warnings];

  progress({ step: "unpacking the backup beside the storage directory" });
  await journal.record({ ...record, action: stagedAction });
  await unpackAside(containers, swap, checked(source.read(dataArtifact)), signal);
  progress({ step: "stopping the server" });
  const wasKilled = await stopTolerantly(containers, container.id, journal);
  if (wasKilled) warnings.push("the server did not end by itself and was killed; its present data are replaced anyway");
  signal.throwIfAborted();
  await journal.record({ ...record, action: swappedAction });
  await exchangeFiles(containers, swap, signal);

  const { fingerprint: expected } = formOf(manifest, "data");
  await containers.start(container.id);
  await assertServed(context, server.database, options, expected, "after it had started with it");
  await containers.stop(container.id, { journal, graceSeconds: 60 });
  await containers.start(container.id);
  const found = await assertServed(context, server.database, options, expected, "after another restart");
  return {
    fingerprint: found,
    expected,
    evidence: [
      "configuration, payload indexes, points and aliases read from the server once all was indexed, and again after a restart",
    ],
    warnings,
  };
}

/** Entry by entry, to its end: one that is cut off, or hostile, is refused here. */
export function checked(tar: Bytes): Bytes {
  return writeTar(readTar(tar, { types: dataEntries }));
}

async function assertServed(
  context: OperationContext,
  database: string,
  options: QdrantOptions,
  expected: Fingerprint,
  when: string,
): Promise<Fingerprint> {
  using server = await untilAnswering(context, database, options);
  context.progress({ step: "comparing with the backup" });
  for (const collection of await listCollections(server, context.signal)) {
    await untilIndexed(server, collection, context.signal);
  }
  const found = await fingerprint(context, server, "data", options.contentDigest ?? true);
  const differences = compareFingerprints(expected, found);
  if (differences.length === 0) return found;
  throw new BackupError(
    "mismatch",
    `what was restored is not what was backed up, ${when}: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
    {
      operation: "qdrant.restore",
      database,
      hint: "verify this backup (`sutazai-backup verify --level restore`) and use another one if it fails",
      details: { differences: differences.length },
    },
  );
}

/** A server that was just started reads its files first. */
async function untilAnswering(
  { containers, signal }: OperationContext,
  database: string,
  options: QdrantOptions,
): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await Server.open(options, database, containers, signal);
    } catch (error) {
      if (attempt === startAttempts || !toBackupError(error).isRetryable) throw error;
      await sleep(500, undefined, { signal });
    }
  }
}

function lacking({ id }: Manifest): BackupError {
  return new BackupError("corrupt", `backup ${id} lacks its storage directory`, {
    operation,
    hint: "use another backup (`sutazai-backup list`)",
  });
}
