import { table, type AuditEntry } from "@sutazai/backup-sdk";

/** A line for each entry; what was typed and what came of it in `--json`. */
export function formatAudit(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return "nothing is in the audit log";
  return table(
    ["at", "who", "host", "what", "outcome", "of", "run", "typed"],
    entries.map(({ at, user, loginUser, host, action, outcome, databases, runId, command }) => [
      at,
      loginUser === null ? user : `${user} (${loginUser})`,
      host,
      action,
      outcome,
      databases.join(", "),
      runId,
      command,
    ]),
  );
}
