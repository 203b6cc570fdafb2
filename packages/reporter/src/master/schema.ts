import { z } from "zod";
import { levels, severities, type Forecast, type KeptBackup } from "./parts.ts";
import { masterReportVersion, type MasterReport } from "./report.ts";

const time = z.iso.datetime();
const amount = z.number().nonnegative();
const counts = z.int().nonnegative();
const outcome = z.enum(["ok", "partial", "failed", "cancelled"]);
const standing = z.enum(["ok", "warning", "critical"]);
const proven = z.strictObject({ level: z.enum(levels), at: time });

const backup: z.ZodType<KeptBackup> = z.strictObject({
  id: z.string(),
  database: z.string(),
  purpose: z.enum(["backup", "safety"]).nullable(),
  status: z.enum(["ok", "partial"]).nullable(),
  sequence: z.int().positive().nullable(),
  capturedAt: time.nullable(),
  endedAt: time.nullable(),
  durationMs: amount.nullable(),
  plainBytes: amount,
  storedBytes: amount,
  empty: z.boolean(),
  proven: proven.nullable(),
  damage: proven.nullable(),
  pinned: z.string().nullable(),
  problem: z.string().nullable(),
  good: z.boolean(),
});

const coverage = z.strictObject({
  backups: counts,
  restore: counts,
  structure: counts,
  checksum: counts,
  none: counts,
  damaged: counts,
  unknown: counts,
});

const forecast: z.ZodType<Forecast> = z.discriminatedUnion("known", [
  z.strictObject({
    known: z.literal(true),
    bytesPerDay: z.number(),
    fullAt: time.nullable(),
    days: amount.nullable(),
  }),
  z.strictObject({ known: z.literal(false), reason: z.string() }),
]);

const rto = z.strictObject({
  ms: amount,
  backupCheckMs: amount,
  startUpMs: amount,
  restoreMs: amount,
  checkMs: amount,
});

const database = z.strictObject({
  database: z.string(),
  kind: z.string().nullable(),
  status: standing,
  configured: z.boolean(),
  budgets: z.strictObject({ rpoMs: amount, rtoMs: amount, drillMs: amount }),
  lastRun: z
    .strictObject({
      runId: z.string(),
      at: time,
      status: outcome,
      durationMs: amount,
      error: z.strictObject({ reason: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
    })
    .nullable(),
  lastGood: backup.nullable(),
  rpoMs: amount.nullable(),
  rto: z
    .strictObject({
      ms: amount,
      by: z.enum(["drill", "restore"]),
      at: time,
      backup: z.string(),
      plainBytes: amount.nullable(),
    })
    .nullable(),
  drills: z.array(
    z.strictObject({
      at: time,
      backup: z.string().nullable(),
      verdict: z.enum(["proven", "damaged", "undecided"]),
      rto: rto.nullable(),
      factsCompared: counts.nullable(),
      reason: z.string().nullable(),
    }),
  ),
  backups: z.array(backup),
  samples: z.array(
    z.strictObject({
      backup: z.string(),
      at: time,
      plainBytes: amount,
      storedBytes: amount,
      durationMs: amount,
      status: outcome,
      kept: z.boolean(),
    }),
  ),
  coverage,
});

/** What a program that reads `report --format json` can rely on; as JSON Schema in `docs/report.schema.json`. */
export const masterReportSchema: z.ZodType<MasterReport> = z.strictObject({
  report: z.literal("master"),
  version: z.literal(masterReportVersion),
  generatedAt: time,
  since: time,
  status: standing,
  problems: z.array(
    z.strictObject({
      cause: z.string(),
      severity: z.enum(severities),
      database: z.string().nullable(),
      since: time,
      title: z.string(),
      what: z.string(),
      action: z.string(),
    }),
  ),
  notes: z.array(z.string()),
  store: z.strictObject({
    location: z.string(),
    backups: counts,
    storedBytes: amount,
    freeBytes: amount.nullable(),
    forecast,
    history: z.array(z.strictObject({ at: time, storedBytes: amount })),
  }),
  databases: z.array(database),
  rto: z.strictObject({ ms: amount.nullable(), budgetMs: amount }),
  rpo: z.strictObject({ ms: amount.nullable() }),
  coverage,
  runs: z.array(
    z.strictObject({
      runId: z.string(),
      command: z.enum(["backup", "restore", "drill", "prune"]),
      status: outcome,
      startedAt: time,
      durationMs: amount,
      databases: z.array(z.strictObject({ database: z.string(), status: outcome, reason: z.string().nullable() })),
      freedBytes: amount.nullable(),
    }),
  ),
});

/** The same as JSON Schema (draft 2020-12), for editors and programs in other languages. */
export function masterReportJsonSchema(): object {
  return { title: "Master report of sutazai-backup", ...z.toJSONSchema(masterReportSchema) };
}
