import { formatBytes, formatDuration } from "../units.ts";
import type { Problem, Sample } from "./parts.ts";
import type { DatabaseStanding } from "./report.ts";
import { median } from "./statistics.ts";

/** How many before it a backup is compared with, at most and at least. */
const history = { most: 7, least: 3 };
/** From what on a backup is unusual, in times the median of those before it. */
export interface Thresholds {
  /** It holds at most so much. */
  readonly small: number;
  /** It holds more. */
  readonly large: number;
  /** It takes longer. */
  readonly slow: number;
}

const unusual: Thresholds = { small: 0.4, large: 3, slow: 3 };
/** Below these, proportions say nothing: bytes, milliseconds. */
const noise = { bytes: 64 * 1024, ms: 30_000 };

export interface Anomaly {
  readonly kind: "shrunk" | "grown" | "slow";
  readonly value: number;
  readonly usual: number;
}

/** What is unusual about a backup against those before it, oldest first; nothing where there are too few. */
export function anomalies(sample: Sample, before: readonly Sample[], thresholds: Partial<Thresholds> = {}): Anomaly[] {
  const { small, large, slow } = { ...unusual, ...thresholds };
  const usual = before.filter(({ status }) => status === "ok").slice(-history.most);
  if (usual.length < history.least) return [];
  const bytes = median(usual.map(({ plainBytes }) => plainBytes)) ?? 0;
  const ms = median(usual.map(({ durationMs }) => durationMs)) ?? 0;
  const { plainBytes, durationMs } = sample;
  const found: Anomaly[] = [];
  const isNoise = Math.abs(plainBytes - bytes) < noise.bytes;
  if (!isNoise && plainBytes <= bytes * small) found.push({ kind: "shrunk", value: plainBytes, usual: bytes });
  if (!isNoise && plainBytes > bytes * large) found.push({ kind: "grown", value: plainBytes, usual: bytes });
  if (durationMs - ms > noise.ms && durationMs > ms * slow) {
    found.push({ kind: "slow", value: durationMs, usual: ms });
  }
  return found;
}

/** Of the newest backup, and whether the database was emptied. */
export function anomaliesOf(
  { database, samples, backups }: Pick<DatabaseStanding, "database" | "samples" | "backups">,
  thresholds: Partial<Thresholds> = {},
): Problem[] {
  const newest = samples.at(-1);
  const regular = backups.filter(({ purpose, status }) => purpose === "backup" && status !== null);
  const lastFull = regular.find(({ empty }) => !empty);
  const problems: Problem[] = [];
  if (regular[0]?.empty === true && lastFull !== undefined) {
    problems.push({
      cause: `emptied:${database}`,
      severity: "critical",
      database,
      since: regular[0].capturedAt ?? "",
      title: `${database} is empty`,
      what: `It was not when ${lastFull.id} was made (${formatBytes(lastFull.plainBytes)}).`,
      action: `If it should not be: \`sutazai-backup restore ${database} --backup ${lastFull.id}\`.`,
    });
  }
  if (newest === undefined) return problems;
  for (const { kind, value, usual } of anomalies(newest, samples.slice(0, -1), thresholds)) {
    problems.push({
      cause: `${kind === "slow" ? "duration" : "size"}:${database}`,
      severity: kind === "grown" ? "info" : "warning",
      database,
      since: newest.at,
      ...wordsOf(kind, database, value, usual),
    });
  }
  return problems;
}

function wordsOf(
  kind: Anomaly["kind"],
  database: string,
  value: number,
  usual: number,
): Pick<Problem, "title" | "what" | "action"> {
  const action = `See whether that is right (\`sutazai-backup list ${database}\`).`;
  if (kind === "slow") {
    return {
      title: `The last backup of ${database} took unusually long`,
      what: `${formatDuration(value)}; usual are ${formatDuration(usual)}.`,
      action,
    };
  }
  const change = Math.round(Math.abs(value / usual - 1) * 100);
  return {
    title: `The last backup of ${database} is ${change} % ${kind === "shrunk" ? "smaller" : "larger"} than usual`,
    what: `It holds ${formatBytes(value)}; usual are ${formatBytes(usual)}.`,
    action,
  };
}
