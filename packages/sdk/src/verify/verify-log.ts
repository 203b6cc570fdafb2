import { BackupError, toBackupError, type StoreLogEntry, type StoredBackup } from "@sutazai/backup-core";
import type { SystemParts } from "../context.ts";
import { lockStore } from "../locks.ts";
import { headOf, headSchema, holds, keepHead, keptHead } from "./log-head.ts";
import { settleDeadOperations } from "../recover.ts";
import type { RunOptions } from "../run.ts";

export interface VerifyLogOptions extends RunOptions {
  /** A head that was sent out: in a notice, a ping, a report. The one kept on this host is compared as well. */
  readonly head?: string;
  /** Keep the present head from now on, whatever was kept before, and take what is gone for gone: for what was done on purpose. */
  readonly accept?: boolean;
}

export interface VerifiedLog {
  readonly store: string;
  readonly ok: boolean;
  readonly entries: number;
  /** Present where the chain holds. */
  readonly head?: string;
  /** Heads it was compared with. `entriesSince`: lines after it; absent where the log does not hold it. */
  readonly compared: readonly {
    readonly head: string;
    readonly from: "given" | "kept";
    readonly at?: string;
    readonly entriesSince?: number;
  }[];
  /** Empty where it is ok. */
  readonly problems: readonly string[];
  /** What this does not show, for people. */
  readonly limits: readonly string[];
}

/**
 * Follows the store's log from end to end, compares it with the heads that are known of it, and with what is listed. Under the store's
 * exclusive lock, for a moment: between its rename and its line a backup would look like one that nobody published.
 */
export async function runVerifyLog(parts: SystemParts, options: VerifyLogOptions = {}): Promise<VerifiedLog> {
  const { head: given, accept = false, wait = false, signal = new AbortController().signal } = options;
  if (given !== undefined && !headSchema.safeParse(given).success) {
    throw new BackupError("configuration", `found ${JSON.stringify(given)}, allowed is a head: 64 hexadecimal digits`, {
      operation: "verify.log",
      hint: "copy it whole from a notice or a report (`logHead`)",
    });
  }
  await parts.store.prepare();
  await using _lock = await lockStore(parts, "exclusive", { wait, signal });
  await settleDeadOperations(parts);
  const problems: string[] = [];
  const log = await parts.store.log().catch((error: unknown) => noteIn(problems, error));
  const kept = accept ? undefined : await keptHead(parts).catch((error: unknown) => noteIn(problems, error));
  const heads = [
    ...(given === undefined ? [] : [{ head: given, from: "given" as const }]),
    ...(kept === undefined ? [] : [{ head: kept.head, from: "kept" as const, at: kept.at }]),
  ];
  if (log !== undefined) {
    problems.push(
      ...heads.filter(({ head }) => !holds(log, head)).map(({ head, ...of }) => lost(head, of)),
      ...differences(log, await parts.store.list(), accept ? log.length : kept?.accepted),
    );
    if (accept) await keepHead(parts, log, log.length);
    else if (problems.length === 0 && log.length > (kept?.entries ?? 0)) await keepHead(parts, log, kept?.accepted);
  }
  return {
    store: parts.store.location,
    ok: problems.length === 0,
    entries: log?.length ?? 0,
    ...(log !== undefined && { head: headOf(log) }),
    compared: heads.map((compared) => {
      if (log === undefined || !holds(log, compared.head)) return compared;
      const at = log.findIndex(({ head }) => head === compared.head);
      return { ...compared, entriesSince: log.length - at - 1 };
    }),
    problems,
    limits: limitsOf(heads.length > 0),
  };
}

function noteIn(problems: string[], thrown: unknown): undefined {
  const error = toBackupError(thrown);
  if (error.reason !== "corrupt") throw error;
  problems.push(error.message);
}

function lost(head: string, { from, at }: { readonly from: "given" | "kept"; readonly at?: string }): string {
  const whose = from === "given" ? "the head given" : `the head kept on this host at ${at ?? "an unknown time"}`;
  return `the log does not hold ${whose} (${head.slice(0, 12)}…): it was cut short, written anew, or is that of another store`;
}

/** What the log says of a backup last, against what is there. */
function differences(log: readonly StoreLogEntry[], listed: readonly StoredBackup[], accepted?: number): string[] {
  const last = new Map(log.map((entry) => [entry.backup, entry]));
  const gone = goneFrom(log, new Set(listed.map(({ id }) => id)), accepted).map(
    ({ backup, database, at }) => `${backup} of ${database}, published at ${at}, is gone, and nobody has deleted it`,
  );
  return [...listed.flatMap((backup) => differenceOf(backup, last.get(backup.id))), ...gone];
}

/** What was published, was not deleted, and is not there; but for what was published by the lines that somebody has accepted. */
export function goneFrom(
  log: readonly StoreLogEntry[],
  present: ReadonlySet<string>,
  accepted = 0,
): readonly StoreLogEntry[] {
  const last = new Map(log.map((entry) => [entry.backup, entry]));
  return [...last.values()].filter(
    ({ action, backup, sequence }) => action === "publish" && sequence > accepted && !present.has(backup),
  );
}

function differenceOf({ id, database, manifest }: StoredBackup, entry: StoreLogEntry | undefined): string[] {
  if (entry === undefined) {
    return [
      `${id} of ${database} was never published here: somebody put it there, or a run died at the moment of publishing it, and the next one enters it`,
    ];
  }
  if (entry.action === "delete") return [`${id} of ${database} was deleted at ${entry.at}, and is there again`];
  if (manifest === undefined) return []; // Damaged: `verify` tells.
  const isSame = entry.database === manifest.database && entry.backupSequence === manifest.sequence;
  return isSame
    ? []
    : [
        `${id} is number ${manifest.sequence} of ${manifest.database}, and was published as number ${entry.backupSequence} of ${entry.database}`,
      ];
}

function limitsOf(compared: boolean): string[] {
  return [
    compared
      ? "whoever can write to the store can write what came after the heads compared anew: keep the present one elsewhere too"
      : "nothing was compared: whoever can write to the store can write its whole log anew, which only an earlier head shows (--head)",
    "what the backups hold is not looked at: `verify --level checksum` compares it with the digests in the log",
  ];
}
