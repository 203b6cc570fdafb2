import { formatBytes } from "../units.ts";
import type { Assessable } from "./assess.ts";
import type { Problem } from "./parts.ts";

/** Days before free space ends from which on that is a warning, and something to be done about today. */
const fullSoon = { warning: 21, critical: 5 };
/** What is wrong with the store as a whole. */
export function storeProblems({ at, isWhole = true, store, databases, brokenLog }: Assessable): Problem[] {
  const problems: Problem[] = [];
  const { freeBytes, forecast, location } = store;
  const about = {
    database: null,
    since: at,
    action: "Give the store more room, or keep less: `sutazai-backup prune --dry-run`.",
  };
  const next = databases.reduce((sum, { samples }) => sum + (samples.at(-1)?.storedBytes ?? 0), 0);
  const days = forecast.known ? forecast.days : null;
  const isTight = freeBytes !== null && next > 0 && freeBytes < 2 * next;
  if (freeBytes !== null && (isTight || (days !== null && days <= fullSoon.warning))) {
    problems.push({
      ...about,
      cause: "store-full",
      severity: isTight || (days !== null && days <= fullSoon.critical) ? "critical" : "warning",
      title: isTight ? "The store is nearly full" : `The store is full in ${describeDays(days ?? 0)}`,
      what: `${formatBytes(freeBytes)} are free in ${location}; the newest backups together took ${formatBytes(next)}${forecast.known ? `, and it grows by ${formatBytes(Math.max(0, forecast.bytesPerDay))} a day` : ""}.`,
    });
  }
  if (databases.length === 0 && isWhole) {
    problems.push({
      ...about,
      cause: "nothing-protected",
      severity: "critical",
      title: "No database is backed up",
      what: `None is configured, and ${location} holds no backups.`,
      action: "Run `sutazai-backup discover`; see whether this is the right store (BACKUP_DIR).",
    });
  }
  if (brokenLog !== null) {
    problems.push({
      ...about,
      cause: "store-log",
      severity: "critical",
      title: "The store's log is broken",
      what: brokenLog,
      action: "Find out who changed the store; run `sutazai-backup verify`.",
    });
  }
  return problems;
}

/** `11 days`, `7 hours`. */
export function describeDays(days: number): string {
  const [amount, unit] = days < 2 ? [Math.floor(days * 24), "hour"] : [Math.floor(days), "day"];
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}
