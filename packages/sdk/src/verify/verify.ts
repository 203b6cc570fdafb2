import { BackupError, type StoredBackup } from "@sutazai/backup-core";
import type { Verification } from "@sutazai/backup-verifier";
import { lockStore } from "../locks.ts";
import { prepareStore } from "./log-head.ts";
import { verifyByReading } from "./prove.ts";
import { settleDeadOperations } from "../recover.ts";
import { shareOf, type Coverage, type Share } from "./share.ts";
import type { SystemParts } from "../context.ts";

export interface VerifyOptions {
  /** One backup; all of them unless given. */
  readonly backup?: string;
  /** Backups of these databases. */
  readonly databases?: readonly string[];
  /** Only those of one share; the shares 1 to `of` together are everything. */
  readonly share?: Share;
  /** `structure` (the default) includes `checksum`. */
  readonly level?: "checksum" | "structure";
  readonly signal?: AbortSignal;
  readonly wait?: boolean;
  /** Called as each is done. */
  readonly onResult?: (result: VerifiedBackup) => void;
  /** Called once with what is going to be gone through. */
  readonly onCoverage?: (coverage: Coverage) => void;
}

export interface VerifiedBackup {
  readonly id: string;
  readonly database: string;
  readonly ok: boolean;
  /** Empty where it is ok. */
  readonly problems: readonly string[];
  readonly verifications: readonly Verification[];
}

/** Proves published backups again by reading them, oldest first, and notes beside each what was found. */
export async function runVerify(parts: SystemParts, options: VerifyOptions = {}): Promise<VerifiedBackup[]> {
  const signal = options.signal ?? new AbortController().signal;
  await prepareStore(parts);
  await using _lock = await lockStore(parts, "shared", { wait: options.wait ?? false, signal });
  await settleDeadOperations(parts);
  const results: VerifiedBackup[] = [];
  for (const stored of shareOf(await selected(parts, options), options)) {
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
  { id, database, problem }: StoredBackup,
  level: "checksum" | "structure",
  signal: AbortSignal,
): Promise<VerifiedBackup> {
  if (problem !== undefined) return { id, database, ok: false, problems: [problem.message], verifications: [] };
  const verifications = await verifyByReading(parts, id, level, signal);
  const problems = verifications.flatMap((verification) => verification.problems);
  return { id, database, ok: problems.length === 0, problems, verifications };
}
