import type { Coverage, Drill, Forecast } from "./master/parts.ts";
import { describeDays } from "./master/store-problems.ts";
import type { DatabaseStanding, MasterReport } from "./master/report.ts";
import { printable } from "./printable.ts";
import { table } from "./table.ts";
import { formatBytes, formatDuration } from "./units.ts";

const mark = { ok: "✓", info: "·", warning: "!", critical: "✗" } as const;
const words = {
  ok: "All is well",
  warning: "Something wants to be looked at",
  critical: "Something is wrong",
} as const;

/** How things stand, for a terminal: what is wrong first. */
export function formatMasterReport(report: MasterReport): string {
  const { status, generatedAt, since, problems, databases, notes, rpo, rto, coverage } = report;
  return [
    `${mark[status]} ${words[status]} (${time(generatedAt)}, since ${time(since)})`,
    ...problems.flatMap(({ severity, title, what, action }) => [
      printable(`  ${mark[severity]} ${title}: ${what}`),
      printable(`    → ${action}`),
    ]),
    table(
      ["", "database", "last run", "last good", "RPO now", "RTO", "backups", "proven", "last drill"],
      databases.map((standing) => rowOf(standing).map(printable)),
    ),
    `RPO now ${rpo.ms === null ? "unknown: a database has no good backup" : formatDuration(rpo.ms)}; RTO of everything ${rto.ms === null ? "unknown: not every database was ever restored in a drill" : `${formatDuration(rto.ms)} (budget ${formatDuration(rto.budgetMs)})`}`,
    `${coverage.backups} backups: ${describeCoverage(coverage)}`,
    describeStore(report),
    ...notes.map((note) => printable(`not looked at: ${note}`)),
  ].join("\n");
}

function rowOf(standing: DatabaseStanding): string[] {
  const { status, database, lastRun, lastGood, rpoMs, rto, coverage, drills, budgets } = standing;
  return [
    mark[status],
    database,
    lastRun === null ? "–" : `${lastRun.status} ${time(lastRun.at)}`,
    lastGood === null ? "none" : lastGood.id,
    rpoMs === null ? "–" : `${formatDuration(rpoMs)} of ${formatDuration(budgets.rpoMs)}`,
    rto === null ? "–" : formatDuration(rto.ms),
    String(coverage.backups),
    describeCoverage(coverage),
    describeDrill(drills[0]),
  ];
}

export function describeCoverage({ backups: _, ...counts }: Coverage): string {
  const parts = Object.entries(counts).filter(([, number]) => number > 0);
  return parts.length === 0 ? "–" : parts.map(([level, number]) => `${number} ${level}`).join(", ");
}

function describeDrill(drill: Drill | undefined): string {
  return drill === undefined ? "never" : `${drill.verdict} ${drill.at.slice(0, 10)}`;
}

function describeStore({ store: { location, storedBytes, freeBytes, forecast } }: MasterReport): string {
  const free = freeBytes === null ? "free space is not known" : `${formatBytes(freeBytes)} free`;
  return printable(`${location}: ${formatBytes(storedBytes)} stored, ${free}; ${describeForecast(forecast)}`);
}

/** `grows by 1.5 GiB a day, full in 31 days (2026-12-24)`. */
export function describeForecast(forecast: Forecast): string {
  if (!forecast.known) return `no forecast (${forecast.reason})`;
  const { bytesPerDay, fullAt, days } = forecast;
  const rate = `${bytesPerDay < 0 ? "shrinks" : "grows"} by ${formatBytes(Math.abs(bytesPerDay))} a day`;
  if (fullAt === null || days === null) return `${rate}, not full within ten years at this rate`;
  return `${rate}, full in ${describeDays(days)} (${fullAt.slice(0, 10)})`;
}

/** `2026-11-23 13:05`, UTC. */
export function time(moment: string): string {
  return moment.slice(0, 16).replace("T", " ");
}
