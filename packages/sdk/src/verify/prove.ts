import { BackupError, isBackupError, toJson, type DatabaseAdapter, type Store } from "@sutazai/backup-core";
import {
  standingOf,
  verifyChecksum,
  verifyStructure,
  type DrillVerification,
  type Standing,
  type Verification,
} from "@sutazai/backup-verifier";
import { moduleOf } from "../adapters.ts";
import { openContext, type SystemParts } from "../context.ts";
import { readerOf } from "../restore/raw-form.ts";
import { madeBy } from "../version.ts";

/** Keeps what was found beside the backup, with the software that found it. */
export async function note(
  parts: SystemParts,
  id: string,
  verification: Verification | DrillVerification,
): Promise<void> {
  await parts.store.annotate(id, "verification", toJson({ ...verification, madeBy }));
}

/** Reads a backup as far as `level` and notes what was found. Where its bytes are not those recorded, their format is not looked at. */
export async function verifyByReading(
  parts: SystemParts,
  id: string,
  level: "checksum" | "structure",
  signal: AbortSignal,
): Promise<Verification[]> {
  const verifications = [await verifyChecksum(parts.store, id, signal)];
  if (level === "structure" && verifications[0]?.ok === true) {
    const source = await parts.store.open(id);
    const { artifacts, forms, details, database, kind } = source.manifest;
    await using context = await openContext(parts);
    verifications.push(
      await verifyStructure(
        { artifacts, forms, details, read: (name) => source.read(name) },
        readerOf(forms, readingAdapterOf(parts, database, kind)),
        signal,
        context.scratch,
      ),
    );
  }
  for (const verification of verifications) await note(parts, id, verification);
  return verifications;
}

/** Any adapter of the kind can read the artifacts, and tell how they are drilled, also where that database is no longer configured. */
export function readingAdapterOf(parts: SystemParts, database: string, kind: string): DatabaseAdapter {
  const adapter = parts.databases.get(database);
  if (adapter?.kind === kind) return adapter;
  const module = moduleOf(kind);
  if (module !== undefined) return module.create({ name: database, container: database } as never);
  throw new BackupError("unsupported", `this version cannot read backups of kind ${kind}`, {
    operation: "verify",
    hint: "verify it with a version that has its adapter, or with --level checksum",
  });
}

/** What has been proven of listed backups, by id. Those whose annotations cannot be read are missing. */
export async function standingsOf(store: Store, ids: readonly string[]): Promise<Map<string, Standing>> {
  const standings = new Map<string, Standing>();
  for (const id of ids) {
    const standing = await store.annotations(id).then(standingOf, (error: unknown) => {
      if (isBackupError(error) && (error.reason === "not-found" || error.reason === "corrupt")) return undefined;
      throw error;
    });
    if (standing !== undefined) standings.set(id, standing);
  }
  return standings;
}
