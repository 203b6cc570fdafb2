import { formatDuration } from "@sutazai/backup-reporter";
import { layers } from "./check.ts";
import type { CheckResult, SelfTestReport } from "./run.ts";

const signs = { pass: "✓", warn: "!", fail: "✗", skip: "–" } as const;

/** The report for a terminal: by layer, with what to do below whatever is not as it should be, and a summary at the end. */
export function formatSelfTest({ checks, counts, startedAt, endedAt, status }: SelfTestReport): string {
  const lines = layers.flatMap((layer) => {
    const found = checks.filter((check) => check.layer === layer);
    return found.length === 0 ? [] : [layer, ...found.flatMap(describe)];
  });
  const took = formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const verdict = { ok: "no check failed", failed: "CHECKS FAILED", cancelled: "CANCELLED" }[status];
  const summary = `${verdict}: ${counts.pass} passed, ${counts.warn} with a warning, ${counts.fail} failed, ${counts.skip} skipped, in ${took}`;
  return [...lines, "", summary].join("\n");
}

function describe({ status, title, database, message, hint }: CheckResult): string[] {
  const name = database === null ? "" : `${database}: `;
  return [
    `  ${signs[status]} ${name}${title}: ${message.replaceAll("\n", "\n    ")}`,
    ...(hint === undefined ? [] : [`    → ${hint}`]),
  ];
}
