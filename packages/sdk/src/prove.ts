import { BackupError, toJson, type DatabaseAdapter } from "@sutazai/backup-core";
import { verifyChecksum, verifyStructure, type DrillVerification, type Verification } from "@sutazai/backup-verifier";
import { moduleOf } from "./adapters.ts";
import type { SystemParts } from "./context.ts";
import { madeBy } from "./version.ts";

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
    verifications.push(
      await verifyStructure(
        { artifacts, forms, details, read: (name) => source.read(name) },
        readingAdapterOf(parts, database, kind),
        signal,
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
