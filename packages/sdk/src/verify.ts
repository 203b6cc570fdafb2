import { BackupError, toJson, type DatabaseAdapter, type StoredBackup } from "@sutazai/backup-core";
import { verifyChecksum, verifyStructure, type Verification } from "@sutazai/backup-verifier";
import { moduleOf } from "./adapters.ts";
import { settleDeadOperations } from "./recover.ts";
import type { SystemParts } from "./context.ts";

export interface VerifyOptions {
  /** One backup; all of them unless given. */
  readonly backup?: string;
  /** Backups of these databases. */
  readonly databases?: readonly string[];
  /** `structure` (the default) includes `checksum`. */
  readonly level?: "checksum" | "structure";
  readonly signal?: AbortSignal;
  readonly wait?: boolean;
  /** Called as each is done. */
  readonly onResult?: (result: VerifiedBackup) => void;
}

export interface VerifiedBackup {
  readonly id: string;
  readonly database: string;
  readonly ok: boolean;
  /** Empty where it is ok. */
  readonly problems: readonly string[];
  readonly verifications: readonly Verification[];
}

/** Proves published backups again, oldest first, and notes beside each what was found. */
export async function runVerify(parts: SystemParts, options: VerifyOptions = {}): Promise<VerifiedBackup[]> {
  const signal = options.signal ?? new AbortController().signal;
  await parts.store.prepare();
  await using _lock = await parts.store.lock("shared", { wait: options.wait ?? false, signal });
  await settleDeadOperations(parts);
  const results: VerifiedBackup[] = [];
  for (const stored of await selected(parts, options)) {
    signal.throwIfAborted();
    const result = await verifyOne(parts, stored, options.level ?? "structure", signal);
    options.onResult?.(result);
    results.push(result);
  }
  return results;
}

async function selected(parts: SystemParts, { backup, databases }: VerifyOptions): Promise<StoredBackup[]> {
  const all = await parts.store.list();
  const chosen = all.filter(
    ({ id, database }) =>
      (backup === undefined || id === backup) &&
      (databases === undefined || databases.length === 0 || databases.includes(database)),
  );
  if (chosen.length === 0) {
    const what = backup === undefined ? "no backup" : `no backup ${backup}`;
    throw new BackupError("not-found", `${parts.store.location} holds ${what} to verify`, {
      operation: "verify",
      hint: "see `sutazai-backup list`",
    });
  }
  return chosen;
}

async function verifyOne(
  parts: SystemParts,
  stored: StoredBackup,
  level: "checksum" | "structure",
  signal: AbortSignal,
): Promise<VerifiedBackup> {
  const { id, database } = stored;
  if (stored.problem !== undefined)
    return { id, database, ok: false, problems: [stored.problem.message], verifications: [] };
  const verifications = [await verifyChecksum(parts.store, id, signal)];
  if (level === "structure" && verifications[0]?.ok === true) {
    const source = await parts.store.open(id);
    const { artifacts, forms, details, kind } = source.manifest;
    verifications.push(
      await verifyStructure(
        { artifacts, forms, details, read: (name) => source.read(name) },
        inspectorOf(parts, database, kind),
        signal,
      ),
    );
  }
  for (const verification of verifications) {
    await parts.store.annotate(id, "verification", toJson(verification));
  }
  const problems = verifications.flatMap(({ problems }) => problems);
  return { id, database, ok: problems.length === 0, problems, verifications };
}

/** Any adapter of the kind can read the artifacts, also where that database is no longer configured. */
function inspectorOf(parts: SystemParts, database: string, kind: string): Pick<DatabaseAdapter, "inspectArtifact"> {
  const adapter = parts.databases.get(database);
  if (adapter?.kind === kind) return adapter;
  const module = moduleOf(kind);
  if (module !== undefined) return module.create({ name: database, container: database } as never);
  throw new BackupError("unsupported", `this version cannot read backups of kind ${kind}`, {
    operation: "verify",
    hint: "verify it with a version that has its adapter, or with --level checksum",
  });
}
