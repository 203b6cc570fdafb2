import { formatBytes, formatDuration, type PlannedRestore } from "@sutazai/backup-sdk";
import { formatError } from "./plain.ts";

/** What a restore would do, for people: from what, into what, step by step. */
export function formatPlan(plan: PlannedRestore): string {
  const { database, kind, backup, serverVersion, form, method, fence, steps, warnings, error } = plan;
  return [
    `${database} (${kind}): ${error === undefined ? "would be restored" : "would be REFUSED"}`,
    ...(backup === undefined
      ? []
      : [
          `  from      backup ${backup.id} of ${backup.database}, made ${backup.madeAt}: ${formatBytes(backup.plainBytes)} (${formatBytes(backup.storedBytes)} stored), ${backup.facts} facts, read to its end`,
        ]),
    ...(backup === undefined || serverVersion === undefined
      ? []
      : [`  versions  the backup is of ${backup.serverVersion}, the server is ${serverVersion}`]),
    ...(method === undefined ? [] : [`  how       form ${form}, method ${method}, writers kept out: ${fence}`]),
    ...safetyOf(plan),
    ...timeOf(plan),
    ...steps.map((step, index) => `  ${String(index + 1).padStart(2)}. ${step}`),
    ...warnings.map((warning) => `  ! ${warning}`),
    ...(error === undefined ? [] : [formatError(error)]),
  ].join("\n");
}

function safetyOf({ safetyBackup }: PlannedRestore): string[] {
  if (safetyBackup === undefined) return [];
  if (safetyBackup === null) return ["  safety    NO SAFETY BACKUP: what is there now would be gone for good"];
  const { expectedBytes, freeBytes } = safetyBackup;
  const size = expectedBytes === undefined ? "of unknown size" : `of about ${formatBytes(expectedBytes)}`;
  return [
    `  safety    a backup ${size} first; the store has room for ${freeBytes === undefined ? "what it does not tell" : formatBytes(freeBytes)}`,
  ];
}

function timeOf({ expected, error }: PlannedRestore): string[] {
  if (error !== undefined) return [];
  if (expected === undefined) return ["  time      not known: no restore or drill of it was ever measured"];
  const { ms, measured } = expected;
  return [
    `  time      about ${formatDuration(ms)}: a ${measured.by} of backup ${measured.backup} (${formatBytes(measured.bytes)}) took ${formatDuration(measured.ms)} at ${measured.at}`,
  ];
}
