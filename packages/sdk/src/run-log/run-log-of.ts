import { join } from "node:path";
import type { EventListener } from "@sutazai/backup-core";
import type { LoadedConfig } from "../config/load.ts";
import { secretsIn } from "./redaction.ts";
import { openRunLog, type LogLevel, type RunLog } from "./run-log.ts";

export type { RunLog };

export interface RunLogRequest {
  /** What runs: `backup`. */
  readonly name: string;
  /** What standard error is told of it. */
  readonly level: LogLevel;
  /** What was typed. Never with a secret. */
  readonly command?: string | undefined;
}

/** The log of a run where it is configured to be; what hinders it is told as a warning. */
export function runLogOf(
  { settings, secrets }: Pick<LoadedConfig, "settings" | "secrets">,
  runId: string,
  request: RunLogRequest,
  onEvent: EventListener | undefined,
): RunLog {
  const { dir, logDir, logDays: days, logFiles: files } = settings;
  return openRunLog({
    ...request,
    directory: logDir ?? join(dir, "logs"),
    waitsForParent: logDir === undefined,
    runId,
    days,
    files,
    secrets: [...secrets, ...secretsIn(settings)],
    onProblem: (message) => onEvent?.({ type: "warning", at: new Date().toISOString(), message }),
  });
}
