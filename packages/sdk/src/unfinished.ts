import type { FoundOperation, JournalRecord, Settlement } from "@sutazai/backup-core";

/** What records of the journal stand for, in words: what was about to be done, and may have been. What is not named here speaks for itself. */
const meanings: Readonly<Record<string, string>> = {
  "read-only": "make the server read-only",
  isolate: "take the container off its networks",
  start: "stop the container",
  "start-service": "stop the service",
  "let-go": "hold the container's processes for a copy",
  unpause: "pause the container for a copy",
  staged: "put the backup's files beside the present ones",
  swapped: "exchange the present files for those of the backup",
  "make-maintenance-database": "make a database to work from",
  "create-role": "create a role",
  "demote-role": "take superuser rights from a role",
  "stage-database": "restore a database beside the present one",
  "close-database": "close a present database",
  "cut-over": "put the restored databases in the place of the present ones",
  aliases: "set aliases",
  "make-snapshot": "have the server make a snapshot",
  snapshot: "keep a snapshot in the server",
  replace: "replace a collection",
  database: "make a database",
  filling: "fill a collection beside the present one",
  offline: "take the server offline for a copy",
  renaming: "put a restored collection in the place of the present one",
};

const endings: Readonly<Record<Settlement, string>> = {
  undo: "It had not succeeded: all of that is to be undone",
  finish: "It had succeeded: what is left of it is to be cleared away",
};

/** What an operation had written down before it did it, oldest first, in words. */
export function stepsOf({ records }: Pick<FoundOperation, "records">): string[] {
  return records.map(meaningOf);
}

function meaningOf({ part, action, data }: JournalRecord): string {
  const meaning = meanings[action] ?? `${part}: ${action.replaceAll("-", " ")}`;
  const subject = subjectOf(data);
  return subject === undefined ? meaning : `${meaning} (${subject})`;
}

/** Which database, role or collection; records name it as their part likes. */
function subjectOf(data: JournalRecord["data"]): string | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  const named = ["role", "staged", "collection", "database", "name"].map((field) => data[field]);
  return named.find((value): value is string => typeof value === "string");
}

/**
 * Where an operation in the journal stands, in one sentence: which database, since when, what it had begun, and what becomes of it.
 */
export function describeOperation(operation: FoundOperation): string {
  const { command, database, startedAt, pid, host, liveness, settlement } = operation;
  const what = `the ${command} of ${database} that process ${pid} on ${host} began at ${startedAt}`;
  if (liveness === "alive") return `${what} is running`;
  if (liveness === "foreign") return `${what} may be running: it cannot be told from here`;
  const steps = stepsOf(operation);
  const last = steps.at(-1) ?? "nothing";
  const before = steps.slice(0, -1);
  const come = before.length === 0 ? "" : `, after: ${before.join("; ")}`;
  return `${what} died. Its last step was to ${last}${come}. ${endings[settlement]}`;
}
