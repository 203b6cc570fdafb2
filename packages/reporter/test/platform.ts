// Facts as a store would hold them after some weeks: made by a formula, so that every number in a report can be told beforehand.
import type { BackupReport, DrillReport } from "@sutazai/backup-core";
import { defaultBudgets, type BackupFact, type ReportFacts, type RunReport } from "../src/index.ts";

export const now = "2026-11-23T13:00:00.000Z";
const day = 86_400_000;
const MiB = 2 ** 20;

export function ago(days: number): string {
  return new Date(Date.parse(now) - days * day).toISOString();
}

const six: readonly { readonly database: string; readonly kind: string; readonly bytes: number }[] = [
  { database: "postgres", kind: "postgres", bytes: 4200 * MiB },
  { database: "redis", kind: "redis", bytes: 310 * MiB },
  { database: "neo4j", kind: "neo4j", bytes: 1500 * MiB },
  { database: "qdrant", kind: "qdrant", bytes: 2600 * MiB },
  { database: "chromadb", kind: "chromadb", bytes: 640 * MiB },
  { database: "faiss", kind: "faiss", bytes: 96 * MiB },
];

export function backupFact(changes: Partial<BackupFact> & { readonly daysAgo: number }): BackupFact {
  const { daysAgo, ...rest } = changes;
  const capturedAt = ago(daysAgo);
  return {
    id: `${rest.database ?? "db"}-${daysAgo}`,
    database: "db",
    kind: "redis",
    purpose: "backup",
    status: "ok",
    sequence: 1000 - Math.round(daysAgo * 10),
    capturedAt,
    endedAt: new Date(Date.parse(capturedAt) + 10_000).toISOString(),
    durationMs: 10_000,
    plainBytes: 100 * MiB,
    storedBytes: 30 * MiB,
    empty: false,
    proven: { level: "structure", at: capturedAt },
    damage: null,
    pinned: null,
    problem: null,
    good: true,
    drills: [],
    restores: [],
    ...rest,
  };
}

export function facts(changes: Partial<ReportFacts> = {}): ReportFacts {
  return {
    at: now,
    since: ago(30),
    store: "/opt/sutazaiapp/backups",
    freeBytes: 100 * 1024 * MiB,
    databases: [],
    budgets: defaultBudgets,
    budgetsOf: {},
    backups: [],
    reports: [],
    changes: [],
    brokenLog: null,
    notes: [],
    ...changes,
  };
}

const wave = (index: number) => 1 + 0.06 * Math.sin(index * 1.7) + 0.03 * Math.sin(index * 5.1);

/** Six databases, `count` daily (or denser) backups: Chroma fails today, Qdrant shrank, Neo4j failed twice long ago, FAISS was drilled. */
export function platform({
  count = 30,
  every = 1,
  keeps = 21,
}: { count?: number; every?: number; keeps?: number } = {}): ReportFacts {
  const backups: BackupFact[] = [];
  const reports: RunReport[] = [];
  const changes: { at: string; bytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    const age = (count - 1 - index) * every + 0.46;
    const startedAt = ago(age);
    // One night, the machine was down.
    if (index === Math.floor(count / 3)) continue;
    const results = six.map(({ database, kind, bytes }, which): BackupReport["databases"][number] => {
      const isLast = index === count - 1;
      const shrunk = database === "qdrant" && isLast ? 0.31 : 1;
      const plainBytes = Math.round(bytes * (0.8 + (0.25 * index) / count) * wave(index + which) * shrunk);
      const storedBytes = Math.round(plainBytes * (0.24 + 0.08 * which));
      const ms = Math.round((plainBytes / MiB) * 14 * wave(index * 3 + which)) + 900;
      const endedAt = new Date(Date.parse(startedAt) + ms).toISOString();
      const times = { startedAt, endedAt };
      const fails = (database === "chromadb" && isLast) || (database === "neo4j" && (index === 8 || index === 9));
      const base = { database, kind, ...times, incomplete: [], warnings: [] };
      if (fails) {
        const error = {
          reason: "connection",
          message: `${database} did not answer at 127.0.0.1:8000 within 10 s`,
          hint: `see whether its container runs: \`docker ps --filter name=${database}\``,
        } as const;
        return { ...base, status: "failed", error };
      }
      const status = database === "redis" && index === 17 ? "partial" : "ok";
      const id = `${startedAt.replaceAll(/[-:]/g, "")}-${database}`;
      changes.push({ at: endedAt, bytes: storedBytes });
      if (age > keeps)
        changes.push({ at: new Date(Date.parse(endedAt) + keeps * day).toISOString(), bytes: -storedBytes });
      else {
        const isDrilled = index % 7 === 3 || (isLast && database === "postgres");
        backups.push(
          backupFact({
            daysAgo: age,
            id,
            database,
            kind,
            status,
            sequence: index + 1,
            durationMs: ms,
            endedAt,
            plainBytes,
            storedBytes,
            good: status === "ok" && !(database === "faiss" && index === count - 6),
            proven:
              database === "faiss" && index === count - 6
                ? null
                : { level: isDrilled ? "restore" : age > 14 ? "checksum" : "structure", at: endedAt },
            damage: database === "faiss" && index === count - 6 ? { level: "checksum", at: ago(1.2) } : null,
            pinned: index === count - 12 ? "before the migration" : null,
          }),
        );
      }
      return {
        ...base,
        status,
        backup: {
          id,
          sequence: index + 1,
          serverVersion: "1",
          plainBytes,
          storedBytes,
          forms: [],
          verified: "structure",
          empty: false,
        },
      };
    });
    reports.push(reportOf("backup", `run-${index}`, startedAt, results));
    if (index % 7 === 3)
      reports.push(
        drillReport(
          age - 0.1,
          results.filter(({ status }) => status === "ok"),
        ),
      );
  }
  return facts({ databases: six, backups, reports, changes, freeBytes: 190 * 1024 * MiB });
}

function drillReport(daysAgo: number, backups: readonly BackupReport["databases"][number][]): DrillReport {
  const startedAt = ago(daysAgo);
  const results = backups.map(({ database, kind, backup }): DrillReport["databases"][number] => {
    const plainBytes = backup?.plainBytes ?? 0;
    const parts = {
      backupCheckMs: Math.round((plainBytes / MiB) * 4),
      startUpMs: 6_300,
      restoreMs: Math.round((plainBytes / MiB) * 21) + 800,
      checkMs: Math.round((plainBytes / MiB) * 9),
    };
    const ms = Object.values(parts).reduce((sum, part) => sum + part);
    return {
      database,
      kind,
      status: "ok",
      startedAt,
      endedAt: new Date(Date.parse(startedAt) + ms).toISOString(),
      verdict: "proven",
      backup: { id: backup?.id ?? "", plainBytes, storedBytes: 1, durationMs: 1 },
      forms: [{ name: "main", method: "restore", ok: true, factsCompared: 40, afterRestart: "equal" }],
      rto: { ms, ...parts },
      warnings: [],
    };
  });
  return reportOf("drill", `drill-${daysAgo.toFixed(1)}`, startedAt, results) as DrillReport;
}

function reportOf(
  report: "backup" | "drill",
  runId: string,
  startedAt: string,
  databases: RunReport["databases"],
): RunReport {
  const endedAt =
    databases
      .map((result) => ("endedAt" in result ? result.endedAt : ""))
      .sort()
      .at(-1) ?? startedAt;
  const status = databases.every((result) => result.status === "ok") ? "ok" : "partial";
  return {
    report,
    version: 1,
    runId,
    status,
    startedAt,
    endedAt,
    store: "/backups",
    databases,
  } as unknown as RunReport;
}
