import type { BackupReport, RestoreReport } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { formatBackupReport, formatBytes, formatDuration, formatRestoreReport, table } from "../src/index.ts";

const times = { startedAt: "2026-11-23T13:00:00.000Z", endedAt: "2026-11-23T13:00:12.300Z" };

test("a backup run", () => {
  const report: BackupReport = {
    report: "backup",
    version: 1,
    runId: "run1",
    status: "partial",
    ...times,
    store: "/backups",
    databases: [
      {
        database: "postgres",
        kind: "postgres",
        status: "ok",
        ...times,
        backup: {
          id: "id1",
          sequence: 1,
          serverVersion: "17.6",
          plainBytes: 3 * 2 ** 20,
          storedBytes: 512,
          forms: [
            {
              name: "sql",
              method: "pg_dump",
              capture: { from: "2026-11-23T13:00:00.000Z", to: "2026-11-23T13:00:01.500Z" },
              pausedMs: 0,
              facts: 42,
              notCovered: ["settings files"],
            },
          ],
          verified: "structure",
          empty: false,
        },
        incomplete: [],
        warnings: ["a warning"],
      },
      {
        database: "cache",
        kind: "redis",
        status: "failed",
        ...times,
        incomplete: [],
        warnings: [],
        error: { reason: "authentication", message: "wrong password", hint: "set BACKUP_CACHE_PASSWORD" },
      },
    ],
  };
  expect(formatBackupReport(report)).toBe(`Backup run1: partial in 12.3 s, into /backups
  database  status  time    content  stored  verified             backup
  postgres  ok      12.3 s  3.0 MiB  512 B   structure, 42 facts  id1
  cache     failed  12.3 s  –        –       –                    –
  database  form  method   begun (UTC)   shows                        pause
  postgres  sql   pg_dump  13:00:00.000  13:00:00.000 – 13:00:01.500  none
  ! postgres: a warning
  ✗ cache: authentication: wrong password
    → set BACKUP_CACHE_PASSWORD`);
});

test("a restore", () => {
  const report: RestoreReport = {
    report: "restore",
    version: 1,
    runId: "run2",
    status: "failed",
    ...times,
    store: "/backups",
    databases: [
      {
        database: "cache",
        kind: "redis",
        status: "failed",
        ...times,
        backup: "id1",
        safetyBackup: "id2",
        state: "rolled-back",
        rollback: "compared with safety backup id2: equal in 9 facts",
        evidence: [],
        warnings: [],
        error: { reason: "mismatch", message: "one key differs" },
      },
    ],
  };
  expect(formatRestoreReport(report)).toBe(`Restore run2: failed in 12.3 s, from /backups
  database  status  now          time    validated  backup  safety backup
  cache     failed  rolled-back  12.3 s  –          id1     id2
  ✗ cache: mismatch: one key differs
    cache: rolled back, compared with safety backup id2: equal in 9 facts
NOT restored: cache (rolled-back); restored: 0 of 1`);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [150 * 1024, "150 KiB"],
  [1.5 * 2 ** 30, "1.5 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [7, "7 ms"],
  [1500, "1.5 s"],
  [61_000, "1 min 1 s"],
  [7_380_000, "2 h 3 min"],
])("%d ms are %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("a table without rows is its header", () => {
  expect(table(["a", "b"], [])).toBe("  a  b");
});
