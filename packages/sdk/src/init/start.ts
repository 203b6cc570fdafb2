import type { BackupConfig } from "../config/settings.ts";
import type { TriedDatabase } from "./propose.ts";

/** What a first configuration consists of. */
export interface StartingPoint {
  readonly dir: string;
  /** `hourly`, `daily`, `weekly`, or a cron expression. */
  readonly schedule: string;
  readonly databases: readonly ConfiguredDatabase[];
}

export interface ConfiguredDatabase {
  readonly tried: TriedDatabase;
  /** What it needs beside its container: names of files that hold secrets, never these. */
  readonly options: Readonly<Record<string, string>>;
}

/** An hourly backup loses an hour at worst. */
export const recommendedSchedule = "hourly";

/** The configuration of it, and what is to stand above each database. */
export function startingConfig({ dir, schedule, databases }: StartingPoint): {
  readonly config: BackupConfig;
  readonly about: Readonly<Record<string, readonly string[]>>;
} {
  const entries = databases.map(({ tried: { name, kind, container }, options }) => {
    const needsKind = name !== kind;
    return [name, { ...(needsKind && { kind }), container, ...options }] as const;
  });
  return {
    config: { dir, schedules: { backup: schedule }, databases: Object.fromEntries(entries) },
    about: Object.fromEntries(databases.map(({ tried }) => [tried.name, aboutOf(tried)])),
  };
}

function aboutOf({ kind, probe, error }: TriedDatabase): string[] {
  if (error === undefined) return [`${kind} ${probe.version}: reached when this was written`];
  const lines = [`It could not be reached when this was written: ${error.message}`, ...(error.hint ?? "").split("\n")];
  return lines.flatMap((line) => line.split("\n")).filter((line) => line !== "");
}
