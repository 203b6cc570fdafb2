import type { DrillReport } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { formatDrillReport } from "../src/index.ts";

const times = { startedAt: "2026-11-23T13:00:00.000Z", endedAt: "2026-11-23T13:00:12.300Z" };
const backup = { id: "id1", plainBytes: 3 * 2 ** 20, storedBytes: 512, durationMs: 1500 };
const form = { name: "rdb", method: "offline", ok: true, factsCompared: 37, afterRestart: "equal" } as const;
const rto = { ms: 5800, backupCheckMs: 100, startUpMs: 1200, restoreMs: 4000, checkMs: 500 };

test("a run of drills", () => {
  const report: DrillReport = {
    report: "drill",
    version: 1,
    runId: "run1",
    status: "partial",
    ...times,
    store: "/backups",
    databases: [
      {
        database: "redis",
        kind: "redis",
        status: "ok",
        ...times,
        verdict: "proven",
        backup,
        forms: [form, { ...form, name: "aof", factsCompared: 36 }],
        rto,
        warnings: ["a warning"],
      },
      {
        database: "qdrant",
        kind: "qdrant",
        status: "failed",
        ...times,
        verdict: "damaged",
        backup,
        forms: [{ ...form, ok: false, afterRestart: "different" }],
        warnings: [],
        error: { reason: "mismatch", message: "a vector differs", hint: "take another" },
      },
      {
        database: "faiss",
        kind: "faiss",
        status: "failed",
        ...times,
        verdict: "undecided",
        forms: [],
        warnings: [],
        error: { reason: "not-found", message: "no image" },
      },
    ],
  };
  expect(formatDrillReport(report)).toBe(`Drill run1: 1 of 3 proven in 12.3 s, from /backups
  database  backup  size     backup time  restore time  restart check                                   verdict
  redis     id1     3.0 MiB  1.5 s        5.8 s         rdb: equal in 37 facts, aof: equal in 36 facts  proven
  qdrant    id1     3.0 MiB  1.5 s        –             different                                       damaged
  faiss     –       –        –            –             not reached                                     undecided
  ! redis: a warning
  ✗ qdrant: mismatch: a vector differs
    → take another
  ✗ faiss: not-found: no image
restore time: from the command to the last check, with reading the backup and all start-ups`);
});
