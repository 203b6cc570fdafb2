import { table, type ProposedDatabase } from "@sutazai/backup-sdk";
import type { SerializedError } from "@sutazai/backup-core";

export interface WrittenConfig {
  readonly path: string;
  readonly dir: string;
  readonly schedule: string;
  readonly databases: readonly {
    readonly name: string;
    readonly kind: string;
    readonly container: string;
    readonly version?: string;
    readonly error?: SerializedError;
  }[];
  /** What looks like a database and is not in it. */
  readonly left: readonly ProposedDatabase[];
}

/** What was found and written, and what to do next. */
export function formatInit({ path, databases, schedule, left }: WrittenConfig): string {
  const rows = databases.map(({ name, kind, container, version, error }) => [
    error === undefined ? "✓" : "✗",
    name,
    container,
    error === undefined ? `${kind} ${version ?? ""}` : `${error.reason}: ${error.message}`,
  ]);
  const hints = databases.flatMap(({ name, error }) =>
    error?.hint === undefined ? [] : [`  → ${name}: ${error.hint}`],
  );
  const failing = databases.filter(({ error }) => error !== undefined).map(({ name }) => name);
  const next = [
    ...(failing.length === 0 ? [] : [`  mend the access to ${failing.join(", ")}, in ${path}`]),
    "  sutazai-backup test --dry-run          # is everything as it should be?",
    "  sutazai-backup backup --prove          # the first backup, and a drill of it",
    `  sutazai-backup schedule install ${schedule.padEnd(6)} # from then on by itself`,
  ];
  return [
    table(["", "database", "container", "found"], rows),
    ...hints,
    ...left.map(({ container, kind }) => `  – ${container} looks like ${kind} and is left out`),
    "",
    `${path} is written. Next:`,
    ...next,
  ].join("\n");
}
