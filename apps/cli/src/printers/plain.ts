import type { BackupEvent, SerializedError } from "@sutazai/backup-core";
import { formatBytes, formatDuration, printableLines } from "@sutazai/backup-sdk";
import type { Printer } from "./printer.ts";

/**
 * Lines with a time in front, for pipes and logs: every step once, results without a time on standard output. What servers and backups call things,
 * and complain of, commands no terminal.
 */
export function plainPrinter(
  out: NodeJS.WritableStream = process.stdout,
  log: NodeJS.WritableStream = process.stderr,
): Printer {
  const steps = new Set<string>();
  const line = (text: string) => void log.write(`${new Date().toISOString()} ${printableLines(text)}\n`);
  return {
    event: (event) => {
      if (event.type === "progress") {
        const step = `${event.database}\0${event.step}`;
        if (steps.has(step)) return;
        steps.add(step);
      }
      const text = describeEvent(event);
      if (text !== undefined) line(text);
    },
    result: (_type, _value, text) => void out.write(`${printableLines(text())}\n`),
    warning: (message) => line(`warning: ${message}`),
    error: (error) => void log.write(`${printableLines(formatError(error))}\n`),
    close: async () => undefined,
  };
}

export function describeEvent(event: BackupEvent): string | undefined {
  switch (event.type) {
    case "run-start":
      return `${event.command} ${event.runId}: ${event.databases.join(", ")}`;
    case "recovered":
      return `${event.database}: the ${event.command} of a process that died was ${event.settlement === "undo" ? "undone" : "finished"} (${event.actions.join(", ")})${event.rollback === undefined ? "" : `; ${event.rollback}`}`;
    case "database-start":
      return `${event.database}: started`;
    case "progress":
      return `${event.database}: ${event.step}${event.bytes === undefined || event.bytes === 0 ? "" : `, ${formatBytes(event.bytes)}`}`;
    case "warning":
      return `${event.database === undefined ? "" : `${event.database}: `}warning: ${event.message}`;
    case "database-end":
      return `${event.database}: ${event.status} after ${formatDuration(event.durationMs)}${event.error === undefined ? "" : `: ${event.error.message}`}`;
    case "run-end":
      return event.report === undefined ? undefined : `report: ${event.report}`;
  }
}

/** The message, and below it what to do now. */
export function formatError({ reason, message, hint }: SerializedError): string {
  return `sutazai-backup: ${reason}: ${message}${hint === undefined ? "" : `\n  → ${hint}`}`;
}
