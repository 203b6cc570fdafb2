import { levels, severities } from "./master/parts.ts";
import type { DatabaseStanding, MasterReport } from "./master/report.ts";

type Labels = Readonly<Record<string, string>>;
type Value = readonly [value: number | null | undefined, labels?: Labels];

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Nothing is told where the value is null: a gap is seen, a zero would be believed. */
  readonly of: (report: MasterReport) => readonly Value[];
}

const outcomes = ["ok", "partial", "failed", "cancelled"] as const;
const database = ["database", "kind"];

/** Names and labels are a contract: `docs/report.md`. Times are seconds since 1970, durations seconds, sizes bytes. */
export const metrics: readonly Metric[] = [
  {
    name: "report_timestamp_seconds",
    help: "When these metrics were made. Old ones tell nothing: alert on their age",
    of: ({ generatedAt }) => [[seconds(generatedAt)]],
  },
  {
    name: "configured",
    help: "1 where the database is configured or its container was found, 0 where only the store knows it",
    labels: database,
    of: each(({ configured }) => [[configured ? 1 : 0]]),
  },
  {
    name: "last_run_timestamp_seconds",
    help: "Start of the newest backup run of the database",
    labels: database,
    of: each(({ lastRun }) => [[seconds(lastRun?.at)]]),
  },
  {
    name: "last_run_status",
    help: "1 for how the newest backup run of the database ended, 0 for the others",
    labels: [...database, "status"],
    of: each(({ lastRun }) =>
      lastRun === null ? [] : outcomes.map((status) => [lastRun.status === status ? 1 : 0, { status }]),
    ),
  },
  {
    name: "last_good_timestamp_seconds",
    help: "The moment that the last good backup shows: whole, read to its end, not known to be damaged. Zero where there is none",
    labels: database,
    of: each(({ lastGood }) => [[lastGood === null ? 0 : seconds(lastGood.capturedAt)]]),
  },
  {
    name: "last_good_content_bytes",
    help: "What the last good backup holds, decoded",
    labels: database,
    of: each(({ lastGood }) => [[lastGood?.plainBytes]]),
  },
  {
    name: "last_good_stored_bytes",
    help: "What the last good backup takes in the store",
    labels: database,
    of: each(({ lastGood }) => [[lastGood?.storedBytes]]),
  },
  {
    name: "last_good_duration_seconds",
    help: "How long the last good backup took",
    labels: database,
    of: each(({ lastGood }) => [[duration(lastGood?.durationMs)]]),
  },
  {
    name: "rpo_budget_seconds",
    help: "How old the last good backup may be",
    labels: database,
    of: each(({ budgets }) => [[duration(budgets.rpoMs)]]),
  },
  {
    name: "rto_seconds",
    help: "How long a restore took when it was last measured, with all checks",
    labels: database,
    of: each(({ rto }) => [[duration(rto?.ms)]]),
  },
  {
    name: "rto_budget_seconds",
    help: "How long a restore may take",
    labels: database,
    of: each(({ budgets }) => [[duration(budgets.rtoMs)]]),
  },
  {
    name: "last_drill_timestamp_seconds",
    help: "End of the newest drill of each verdict",
    labels: [...database, "verdict"],
    of: each(({ drills }) =>
      (["proven", "damaged", "undecided"] as const).map((verdict) => [
        seconds(drills.find((drill) => drill.verdict === verdict)?.at),
        { verdict },
      ]),
    ),
  },
  {
    name: "drill_budget_seconds",
    help: "How old the last proven drill may be",
    labels: database,
    of: each(({ budgets }) => [[duration(budgets.drillMs)]]),
  },
  {
    name: "backups",
    help: "Kept backups by their standing: the highest level passed, none, damaged or unknown; each is counted once",
    labels: [...database, "standing"],
    of: each(({ coverage }) =>
      ([...levels, "none", "damaged", "unknown"] as const).map((standing) => [coverage[standing], { standing }]),
    ),
  },
  { name: "store_stored_bytes", help: "What all backups take in the store", of: ({ store }) => [[store.storedBytes]] },
  { name: "store_free_bytes", help: "What can still be written to the store", of: ({ store }) => [[store.freeBytes]] },
  {
    name: "store_growth_bytes_per_day",
    help: "How fast the store grows, prunes included; negative where it shrinks",
    of: ({ store: { forecast } }) => [[forecast.known ? forecast.bytesPerDay : null]],
  },
  {
    name: "store_full_timestamp_seconds",
    help: "When the store is full at the present rate; absent where that is not in sight",
    of: ({ store: { forecast } }) => [[forecast.known ? seconds(forecast.fullAt) : null]],
  },
  {
    name: "problems",
    help: "Problems known, by severity",
    labels: ["severity"],
    of: ({ problems }) =>
      severities.map((severity) => [problems.filter((problem) => problem.severity === severity).length, { severity }]),
  },
  {
    name: "problem",
    help: "1 for each problem known; the label cause names it, always alike",
    labels: ["cause", "severity", "database"],
    of: ({ problems }) =>
      problems.map(({ cause, severity, database: about }) => [1, { cause, severity, database: about ?? "" }]),
  },
];

/** What is known of a metric: a number by labels. */
export function valuesOf({ of }: Metric, report: MasterReport): (readonly [value: number, labels: Labels])[] {
  return of(report).flatMap(([value, labels = {}]) => (typeof value === "number" ? [[value, labels] as const] : []));
}

function each(of: (standing: DatabaseStanding) => readonly Value[]): Metric["of"] {
  return ({ databases }) =>
    databases.flatMap((standing) =>
      of(standing).map(([value, labels]): Value => [
        value,
        { database: standing.database, kind: standing.kind ?? "", ...labels },
      ]),
    );
}

function seconds(at: string | null | undefined): number | undefined {
  return at == null ? undefined : Date.parse(at) / 1000;
}

function duration(ms: number | null | undefined): number | undefined {
  return ms == null ? undefined : ms / 1000;
}
