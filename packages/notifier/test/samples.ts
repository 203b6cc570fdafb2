import type { Notice } from "../src/index.ts";

export const notice: Notice = {
  cause: "backup-failed:postgres",
  severity: "critical",
  state: "firing",
  title: "Backup of postgres failed",
  databases: ["postgres"],
  what: "pg_dumpall ended with exit code 1: could not connect",
  since: "2026-11-21T03:00:12.000Z",
  at: "2026-11-23T03:00:40.000Z",
  safe: [
    {
      database: "postgres",
      backup: {
        id: "20261120T030000.000Z-abcdef",
        at: "2026-11-20T03:00:00.000Z",
        proven: { level: "restore", at: "2026-11-20T04:00:00.000Z" },
      },
    },
  ],
  action: "Run `sutazai-backup backup postgres` and read what it says.",
  facts: {
    columns: ["database", "status", "last good backup"],
    rows: [
      ["postgres", "failed", "20261120T030000.000Z-abcdef"],
      ["redis", "ok", "20261123T030000.000Z-ghjkmn"],
    ],
  },
  runId: "20261123T030000.000Z-rrrrrr",
  report: "https://backups.example.org/report.html",
  logHead: "c0ffee",
};

export const resolved: Notice = {
  ...notice,
  state: "resolved",
  title: "Backup of postgres succeeds again",
  at: "2026-11-24T03:00:40.000Z",
};
