import type { Manifest } from "../src/index.ts";

export const digest: string = "0".repeat(64);
export const manifest: Manifest = {
  format: "sutazai-backup",
  version: 1,
  id: "20261123T130000.000Z-k3f9a1",
  database: "cache",
  kind: "redis",
  sequence: 3,
  parents: [],
  runId: "run",
  purpose: "backup",
  status: "ok",
  startedAt: "2026-11-23T13:00:00.000Z",
  endedAt: "2026-11-23T13:00:01.000Z",
  madeBy: "sutazai-backup 1.0.0",
  serverVersion: "8.0.2",
  container: null,
  empty: false,
  incomplete: [],
  warnings: [],
  forms: [
    {
      name: "rdb",
      method: "BGSAVE",
      capture: { from: "2026-11-23T13:00:00.000Z", to: "2026-11-23T13:00:00.000Z" },
      pausedMs: 0,
      artifacts: ["dump.rdb"],
      fingerprint: { keys: { exact: 3 }, size: { bounds: [1, 2] }, modules: { absent: "not asked" } },
      notCovered: [],
    },
  ],
  artifacts: [
    {
      name: "dump.rdb",
      file: "dump.rdb.zst",
      codec: "zstd",
      plain: { bytes: 9, sha256: digest },
      stored: { bytes: 8, sha256: digest },
    },
  ],
  details: { any: [1, null] },
};
