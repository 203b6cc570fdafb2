import type { SerializedError } from "./error.ts";
import type { Outcome } from "./report.ts";

/**
 * What happens, as data: the engine never prints. Each event is one JSON object (`docs/cli-json.md`); `at` is an ISO
 * time. New kinds and new fields may come; none is renamed or removed within a major version.
 */
export type BackupEvent =
  | {
      readonly type: "run-start";
      readonly at: string;
      readonly runId: string;
      readonly command: string;
      readonly databases: readonly string[];
    }
  | {
      readonly type: "recovered";
      readonly at: string;
      readonly database: string;
      readonly command: string;
      readonly settlement: "undo" | "finish";
      readonly actions: readonly string[];
      /** How what a restore had begun to change, and was put back, compares with its safety backup. */
      readonly rollback?: string;
    }
  | { readonly type: "database-start"; readonly at: string; readonly database: string; readonly kind: string }
  | {
      readonly type: "progress";
      readonly at: string;
      readonly database: string;
      readonly step: string;
      readonly bytes?: number;
      readonly totalBytes?: number;
    }
  | { readonly type: "warning"; readonly at: string; readonly database?: string; readonly message: string }
  | {
      readonly type: "database-end";
      readonly at: string;
      readonly database: string;
      readonly status: Outcome;
      readonly backup?: string;
      /** Of the backup: what it holds, decoded, and what it takes in the store. */
      readonly plainBytes?: number;
      readonly storedBytes?: number;
      /** What a prune deleted, as stored. */
      readonly freedBytes?: number;
      readonly durationMs: number;
      readonly error?: SerializedError;
    }
  | {
      readonly type: "run-end";
      readonly at: string;
      readonly runId: string;
      readonly status: Outcome;
      readonly report?: string;
      /** Of the store's log: what `verify --log --head` compares with. */
      readonly logHead?: string;
      readonly durationMs: number;
    };

export type EventListener = (event: BackupEvent) => void;
