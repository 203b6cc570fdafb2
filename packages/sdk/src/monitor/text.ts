import type { Delivery, Standing } from "@sutazai/backup-notifier";
import { formatDuration, table } from "@sutazai/backup-reporter";
import type { Look } from "./look.ts";

const marks = { critical: "✗", warning: "!", info: "i" } as const;
const heads = {
  ok: "✓ All is well",
  warning: "! There is something to look at",
  critical: "✗ Something is wrong",
} as const;

/** For programs: without what a report tells in full, and without what the environment of a container holds. */
export function lookAsJson({ status, problems, report, probes, scheduler, logHead, notes }: Look): object {
  return {
    status,
    problems,
    databases: (report?.databases ?? []).map(({ database, kind, status, lastRun, lastGood, rpoMs, rto, budgets }) => ({
      database,
      kind,
      status,
      answers: answers(database, probes),
      lastRun,
      lastGood: lastGood && { id: lastGood.id, capturedAt: lastGood.capturedAt, proven: lastGood.proven },
      rpoMs,
      rtoMs: rto?.ms ?? null,
      budgets,
    })),
    rpo: report?.rpo ?? null,
    rto: report?.rto ?? null,
    store: report && {
      location: report.store.location,
      storedBytes: report.store.storedBytes,
      freeBytes: report.store.freeBytes,
      forecast: report.store.forecast,
    },
    scheduler,
    logHead,
    notes,
  };
}

/** Null where it was not asked. */
function answers(database: string, probes: Look["probes"]): boolean | null {
  const reached = probes?.reached.find((each) => each.database === database);
  return reached === undefined ? null : reached.error === null;
}

/** For people. */
export function formatLook(look: Look, told: readonly Standing[] = []): string {
  const { status, problems, report, probes, scheduler, notes } = look;
  return [
    heads[status],
    ...problems.flatMap(({ severity, title, what, action }) => [
      `  ${marks[severity]} ${title}: ${what.replaceAll("\n", " ")}`,
      `    → ${action}`,
    ]),
    ...notes.map((note) => `  ? ${note}`),
    "",
    ...(report === null || report.databases.length === 0
      ? []
      : [
          table(
            ["database", "answers", "last run", "a loss now costs", "of", "restore takes", "of"],
            report.databases.map(({ database, lastRun, rpoMs, rto, budgets }) => [
              database,
              { true: "yes", false: "NO", null: "?" }[String(answers(database, probes))] ?? "?",
              lastRun?.status ?? "none",
              rpoMs === null ? "everything" : formatDuration(rpoMs),
              formatDuration(budgets.rpoMs),
              rto === null ? "?" : formatDuration(rto.ms),
              formatDuration(budgets.rtoMs),
            ]),
          ),
        ]),
    ...(scheduler === null || scheduler.by === null
      ? []
      : [`scheduled by ${scheduler.by}: ${scheduler.tasks.map(({ task }) => task).join(", ")}`]),
    ...told.flatMap(({ channel, undelivered }) =>
      undelivered === undefined
        ? []
        : [
            `${channel} is owed since ${undelivered.since}: ${undelivered.title} (${undelivered.lastError?.message ?? "not tried yet"})`,
          ],
    ),
  ].join("\n");
}

/** What was sent, or should have been, a line each. */
export function formatDeliveries(deliveries: readonly Delivery[]): string[] {
  const sent = deliveries.filter(({ outcome }) => outcome !== "skipped");
  return sent.map((delivery) =>
    delivery.outcome === "failed"
      ? `✗ ${delivery.channel} was not told of ${delivery.cause}: ${delivery.error.message}`
      : `✓ ${delivery.channel} was told: ${delivery.cause} (${delivery.state})`,
  );
}
