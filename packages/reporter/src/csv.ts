import type { KeptBackup } from "./master/parts.ts";
import type { MasterReport } from "./master/report.ts";
import { printable } from "./printable.ts";

type Cell = string | number | boolean | null;

const columns: Readonly<Record<string, (backup: KeptBackup) => Cell>> = {
  database: ({ database }) => database,
  backup: ({ id }) => id,
  purpose: ({ purpose }) => purpose,
  status: ({ status }) => status,
  captured_at: ({ capturedAt }) => capturedAt,
  ended_at: ({ endedAt }) => endedAt,
  duration_ms: ({ durationMs }) => durationMs,
  content_bytes: ({ status, plainBytes }) => (status === null ? null : plainBytes),
  stored_bytes: ({ status, storedBytes }) => (status === null ? null : storedBytes),
  empty: ({ empty }) => empty,
  good: ({ good }) => good,
  proven: ({ proven }) => proven?.level ?? null,
  proven_at: ({ proven }) => proven?.at ?? null,
  damaged: ({ damage }) => damage?.level ?? null,
  damaged_at: ({ damage }) => damage?.at ?? null,
  pinned: ({ pinned }) => pinned,
  problem: ({ problem }) => problem,
};

/** A row for each kept backup, newest first within its database: RFC 4180, UTF-8, sizes in bytes. */
export function formatMasterCsv({ databases }: MasterReport): string {
  const rows = databases.flatMap(({ backups }) =>
    backups.map((backup) => Object.values(columns).map((of) => of(backup))),
  );
  return [Object.keys(columns), ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: Cell): string {
  if (typeof value !== "string") return String(value ?? "");
  // A spreadsheet would take these for a formula.
  const text = printable(/^[=+\-@]/.test(value) ? `'${value}` : value);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
