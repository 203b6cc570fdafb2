import {
  BackupError,
  type Bytes,
  type DatabaseAdapter,
  type Manifest,
  type OperationContext,
  type Probe,
} from "@sutazai/backup-core";
import { formatBytes } from "@sutazai/backup-reporter";
import { verifyStructure } from "@sutazai/backup-verifier";
import type { SystemParts } from "../context.ts";
import { note } from "../verify/prove.ts";
import { madeBy } from "../version.ts";
import { assertRestorable } from "../restore/checks.ts";
import { givenBack } from "../warn.ts";

export interface TakenBackup {
  readonly manifest: Manifest;
  /** Told to the operator; none of them makes the backup less than it says it is. */
  readonly problems: readonly string[];
}

/**
 * One backup from first byte to publication: captured into a staging area, read back and parsed to its end there, and
 * only then made to exist.
 */
export async function takeBackup(
  parts: SystemParts,
  adapter: DatabaseAdapter,
  context: OperationContext,
  { probe, runId, purpose }: { readonly probe: Probe; readonly runId: string; readonly purpose: Manifest["purpose"] },
): Promise<TakenBackup> {
  const startedAt = new Date().toISOString();
  const earlier = await publishedManifests(parts, adapter.name);
  await refuseWithoutRoom(parts, adapter.name, earlier.at(-1));
  // Before anything is done to the container that would change it for a while.
  const container = probe.container === undefined ? null : await parts.containers.definition(probe.container.id);

  const staged = await parts.store.begin(adapter.name, adapter.kind);
  await using _staged = givenBack(parts, `what was staged of backup ${staged.id}`, staged);
  const facts = await adapter.backup(context, staged);
  if (purpose === "safety") assertRestorable(adapter, facts.forms);
  context.progress({ step: "checking what was written" });
  const verification = await verifyStructure(
    {
      artifacts: staged.artifacts,
      forms: facts.forms,
      details: facts.details,
      read: (name: string): Bytes => staged.read(name),
    },
    adapter,
    context.signal,
    context.scratch,
  );
  if (!verification.ok) {
    throw new BackupError("corrupt", `what was written is not what was captured: ${verification.problems.join("; ")}`, {
      operation: "backup.verify",
      database: adapter.name,
      hint: "nothing was published; check the disk of the store and the server's log, then run the backup again",
    });
  }
  context.signal.throwIfAborted();
  const manifest = await staged.publish({
    parents: [],
    runId,
    purpose,
    status: facts.incomplete.length === 0 ? "ok" : "partial",
    startedAt,
    endedAt: new Date().toISOString(),
    madeBy,
    serverVersion: facts.serverVersion,
    container,
    empty: facts.empty,
    incomplete: facts.incomplete,
    warnings: [...new Set([...probe.warnings, ...facts.warnings])],
    forms: facts.forms,
    details: facts.details,
  });
  await note(parts, manifest.id, verification);
  return { manifest, problems: await pinBeforeEmptied(parts, manifest, earlier) };
}

async function publishedManifests(parts: SystemParts, database: string): Promise<Manifest[]> {
  return (await parts.store.list(database)).flatMap(({ manifest }) => manifest ?? []);
}

async function refuseWithoutRoom(parts: SystemParts, database: string, last: Manifest | undefined): Promise<void> {
  const free = await parts.store.freeSpace();
  const expected = last === undefined ? 0 : storedBytes(last);
  if (free === undefined || free > expected) return;
  throw new BackupError(
    "no-space",
    `the store has ${formatBytes(free)} free; the last backup of ${database} took ${formatBytes(expected)}`,
    {
      operation: "backup",
      database,
      hint: `free some room on the file system of ${parts.store.location} (what old backups could go: \`sutazai-backup prune --dry-run\`), or move the store (BACKUP_DIR)`,
    },
  );
}

/** A database that became empty is backed up as empty; the last backup that held something is kept from pruning. */
async function pinBeforeEmptied(
  parts: SystemParts,
  manifest: Manifest,
  earlier: readonly Manifest[],
): Promise<string[]> {
  const lastFull = earlier.findLast(({ empty }) => !empty);
  if (!manifest.empty || lastFull === undefined) return [];
  const wasEmpty = earlier.at(-1)?.empty === true;
  if (wasEmpty) return [`still empty: backup ${lastFull.id} is the last that holds something of ${manifest.database}`];
  await parts.store.annotate(lastFull.id, "pin", {
    reason: `the last backup before ${manifest.id}, in which the database is empty`,
  });
  return [
    `emptied: ${manifest.database} held something in backup ${lastFull.id} and is empty now; that backup is pinned`,
  ];
}

/** What a backup takes on the disk, without its manifest. */
export function storedBytes({ artifacts }: Manifest): number {
  return artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0);
}

/** What it holds, decoded. */
export function plainBytes({ artifacts }: Manifest): number {
  return artifacts.reduce((sum, { plain }) => sum + plain.bytes, 0);
}
