import { BackupError } from "@sutazai/backup-core";
import ms from "ms";
import type { ReportOptions } from "./report.ts";

/** Times of a report as people write them. */
export interface ReportTimes {
  /** `30d`, or a date. */
  readonly since?: string | undefined;
  /** `25h`. */
  readonly rpo?: string | undefined;
  readonly rto?: string | undefined;
  readonly drill?: string | undefined;
}

/** Reads them. Throws `configuration` for what is none. */
export function reportTimes({ since, rpo, rto, drill }: ReportTimes, now: Date = new Date()): ReportOptions {
  return {
    now,
    ...(since !== undefined && { since: sinceOf(since, now) }),
    budgets: {
      ...(rpo !== undefined && { rpoMs: durationOf("rpo", rpo) }),
      ...(rto !== undefined && { rtoMs: durationOf("rto", rto) }),
      ...(drill !== undefined && { drillMs: durationOf("drill", drill) }),
    },
  };
}

function sinceOf(text: string, now: Date): Date {
  const isDate = /^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text);
  const date = isDate ? new Date(text) : new Date(now.getTime() - durationOf("since", text));
  if (!Number.isNaN(date.getTime()) && date < now) return date;
  throw new BackupError("configuration", `since "${text}" is no time before now`, {
    operation: "report",
    hint: "a duration like 30d or 12h, or a date like 2026-11-23",
  });
}

function durationOf(name: string, text: string): number {
  const duration: number | undefined = /^\d/.test(text) && text.length < 30 ? ms(text as ms.StringValue) : undefined;
  if (duration !== undefined && Number.isFinite(duration) && duration > 0) return duration;
  throw new BackupError("configuration", `${name} "${text}" is no duration`, {
    operation: "report",
    hint: "a duration like 30m, 25h or 30d",
  });
}
