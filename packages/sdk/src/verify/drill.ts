import {
  BackupError,
  inTurn,
  toBackupError,
  type DatabaseAdapter,
  type DatabaseDrillResult,
  type DrilledFormReport,
  type DrillReport,
  type Manifest,
} from "@sutazai/backup-core";
import { verifyRestore, type DrillVerification } from "@sutazai/backup-verifier";
import { chooseBackup, isRestorableBy } from "../restore/choose.ts";
import { openContext, type SystemParts } from "../context.ts";
import { timeLimit } from "../limits.ts";
import { note, readingAdapterOf, verifyByReading } from "./prove.ts";
import { progressOf } from "../progress.ts";
import { conduct, tellEnd, tellStart, type Run, type RunOptions } from "../run.ts";
import { shareOf, type Coverage, type Share } from "./share.ts";
import { plainBytes, storedBytes } from "../backup/take-backup.ts";

export interface DrillOptions extends RunOptions {
  /** Names; unless given, all that are configured and all that the store holds backups of. One after the other, in this order. */
  readonly databases?: readonly string[];
  /** A backup's id; the newest good one of each database unless given. */
  readonly backup?: string;
  /** Every backup of the databases, instead of the newest good one of each. */
  readonly all?: boolean;
  /** Of every backup, only those of one share. */
  readonly share?: Share;
  /** Called once, where a share was given, with what is going to be drilled. */
  readonly onCoverage?: (coverage: Coverage) => void;
}

/** What is to be drilled: a backup, or the newest good one of a database. */
interface Candidate {
  readonly database: string;
  readonly adapter: Pick<DatabaseAdapter, "name" | "kind">;
  readonly backup: string | undefined;
}

/**
 * Proves backups by restoring them into throwaway servers, one after the other. What each came to is noted beside the backup.
 * Throws only where nothing could be begun; every later failure is data in the report.
 */
export async function runDrill(parts: SystemParts, options: DrillOptions = {}): Promise<DrillReport> {
  await parts.store.prepare();
  const candidates = await candidatesOf(parts, options);
  const named = [...new Map(candidates.map(({ adapter }) => [adapter.name, adapter])).values()];
  return conduct(parts, "drill", named, options, async (run) => {
    const results: DatabaseDrillResult[] = [];
    for (const candidate of candidates) results.push(await drillCandidate(parts, candidate, run));
    return results;
  });
}

async function candidatesOf(parts: SystemParts, options: DrillOptions): Promise<Candidate[]> {
  const listed = await parts.store.list();
  const known = [...new Set([...parts.databases.keys(), ...listed.map(({ database }) => database)])];
  const wanted =
    options.databases === undefined || options.databases.length === 0 ? known : [...new Set(options.databases)];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined || known.length === 0) {
    throw new BackupError(
      "configuration",
      unknown === undefined
        ? "no database is known"
        : `there is no database "${unknown}", neither configured nor in the store`,
      { operation: "drill", hint: known.length === 0 ? "back up a database first" : `known: ${known.join(", ")}` },
    );
  }
  const adapterOf = (database: string): Pick<DatabaseAdapter, "name" | "kind"> => {
    const kind = listed.findLast((each) => each.database === database)?.manifest?.kind;
    return parts.databases.get(database) ?? { name: database, kind: kind ?? "postgres" };
  };
  if (options.backup === undefined && options.all !== true && options.share === undefined) {
    return wanted.map((database) => ({ database, adapter: adapterOf(database), backup: undefined }));
  }
  const chosen = listed.filter(
    ({ id, database }) => wanted.includes(database) && (options.backup === undefined || id === options.backup),
  );
  if (chosen.length === 0) {
    throw new BackupError("not-found", `${parts.store.location} holds no backup ${options.backup ?? ""} to drill`, {
      operation: "drill",
      hint: "see `sutazai-backup list`",
    });
  }
  const inShare = shareOf(chosen, options);
  return inShare.map(({ id, database }) => ({ database, adapter: adapterOf(database), backup: id }));
}

async function drillCandidate(parts: SystemParts, candidate: Candidate, run: Run): Promise<DatabaseDrillResult> {
  const startedAt = tellStart(parts, candidate.adapter).toISOString();
  const { database } = candidate;
  let manifest: Manifest | undefined;
  let outcome: Drilled;
  try {
    using limit = timeLimit(run.signal, parts.timeoutMs, database);
    limit.signal.throwIfAborted();
    const isRestorable = (found: Manifest) => isRestorableBy(readingAdapterOf(parts, database, found.kind), found);
    const id = candidate.backup ?? (await chooseBackup(parts.store, database, "drill", isRestorable));
    manifest = (await parts.store.open(id)).manifest;
    outcome = await drillBackup(parts, manifest, limit.signal);
  } catch (thrown) {
    outcome = undecided(thrown, database);
  }
  const result: DatabaseDrillResult = {
    database,
    kind: manifest?.kind ?? candidate.adapter.kind,
    startedAt,
    endedAt: new Date().toISOString(),
    ...(manifest !== undefined && {
      backup: {
        id: manifest.id,
        plainBytes: plainBytes(manifest),
        storedBytes: storedBytes(manifest),
        durationMs: Date.parse(manifest.endedAt) - Date.parse(manifest.startedAt),
      },
    }),
    ...outcome,
  };
  tellEnd(parts, result);
  return result;
}

export type Drilled = Pick<DatabaseDrillResult, "status" | "verdict" | "forms" | "rto" | "warnings" | "error">;

/** Drills one backup and notes what was found beside it. Throws what kept it from being tried. One at a time: each server has the memory that all may have. */
export function drillBackup(parts: SystemParts, manifest: Manifest, signal: AbortSignal): Promise<Drilled> {
  const { id, database } = manifest;
  return inTurn("drill", signal, async () => {
    await using context = await openContext(parts);
    const progress = progressOf(parts, database);
    const startedAt = performance.now();
    progress({ step: "checking the backup" });
    const read = await verifyByReading(parts, id, "structure", signal);
    const problems = read.flatMap((verification) => verification.problems);
    if (problems.length > 0) return damaged(manifest, problems);

    const verification = await verifyRestore(
      await parts.store.open(id),
      readingAdapterOf(parts, database, manifest.kind),
      {
        image: parts.drill.images[database],
        memoryLimit: parts.drill.memory,
        backupCheckMs: Math.round(performance.now() - startedAt),
      },
      { ...context, signal, progress },
    );
    await note(parts, id, verification);
    return verification.ok ? proven(manifest, verification) : damaged(manifest, verification.problems, verification);
  });
}

function proven({ id, status, incomplete }: Manifest, verification: DrillVerification): Drilled {
  const { rto } = verification;
  const warnings =
    status === "partial" ? [`backup ${id} is partial, also when restored: ${incomplete.join("; ")}`] : [];
  return {
    status: "ok",
    verdict: "proven",
    forms: reported(verification),
    warnings,
    ...(rto !== null && { rto }),
  };
}

function damaged({ id, database }: Manifest, problems: readonly string[], verification?: DrillVerification): Drilled {
  const reason = verification === undefined ? "corrupt" : "mismatch";
  const error = new BackupError(reason, `backup ${id} failed its drill: ${problems.join("; ")}`, {
    operation: "drill",
    database,
    hint: `it counts as damaged from now on; run \`sutazai-backup backup ${database}\` and drill the new one`,
  });
  return {
    status: "failed",
    verdict: "damaged",
    forms: verification === undefined ? [] : reported(verification),
    warnings: [],
    error: error.toJSON(),
  };
}

function reported({ forms }: DrillVerification): DrilledFormReport[] {
  return forms.map(({ name, method, ok, factsCompared, afterRestart }) => ({
    name,
    method,
    ok,
    factsCompared,
    afterRestart,
  }));
}

/** It could not be tried: that says nothing about the backup, and nothing is noted beside it. */
export function undecided(thrown: unknown, database: string): Drilled {
  const error = toBackupError(thrown, { database, operation: "drill" });
  const status = error.reason === "cancelled" ? "cancelled" : "failed";
  return { status, verdict: "undecided", forms: [], warnings: [], error: error.toJSON() };
}
