import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunReport } from "@sutazai/backup-reporter";
import { z } from "zod";

/** The run reports of a store, and why some could not be read. */
export interface ReadReports {
  readonly reports: readonly RunReport[];
  /** What each pruned backup held as stored, by id: its manifest is gone. */
  readonly prunedBytes: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Of each kind, so many of before the window are read as well: what a backup is compared with, the last drill. */
const before = 30;
const largest = 64 * 1024 * 1024;
const readAtOnce = 16;
/** Of reports that cannot be read, so many are named. */
const mostNotes = 20;

const time = z.iso.datetime();
const outcome = z.enum(["ok", "partial", "failed", "cancelled"]);
const amount = z.number().nonnegative();
const error = z.looseObject({ reason: z.string(), message: z.string(), hint: z.string().optional() });
const drilled = {
  verdict: z.enum(["proven", "damaged", "undecided"]),
  forms: z.array(z.looseObject({ factsCompared: amount })),
  rto: z
    .looseObject({ ms: amount, backupCheckMs: amount, startUpMs: amount, restoreMs: amount, checkMs: amount })
    .optional(),
};
const result = {
  database: z.string(),
  kind: z.string(),
  status: outcome,
  startedAt: time,
  endedAt: time,
  error: error.optional(),
};
const run = { version: z.literal(1), runId: z.string(), status: outcome, startedAt: time, endedAt: time };
const measured = { id: z.string(), plainBytes: amount, storedBytes: amount };

/** As far as reports are made of them. */
const schema = z.discriminatedUnion("report", [
  z.looseObject({
    report: z.literal("backup"),
    ...run,
    databases: z.array(
      z.looseObject({
        ...result,
        backup: z.looseObject(measured).optional(),
        drill: z.looseObject(drilled).optional(),
      }),
    ),
  }),
  z.looseObject({
    report: z.literal("drill"),
    ...run,
    databases: z.array(z.looseObject({ ...result, ...drilled, backup: z.looseObject(measured).optional() })),
  }),
  z.looseObject({
    report: z.literal("restore"),
    ...run,
    databases: z.array(
      z.looseObject({ ...result, state: z.enum(["untouched", "restored", "rolled-back", "unsettled"]) }),
    ),
  }),
  z.looseObject({
    report: z.literal("prune"),
    ...run,
    freedBytes: amount,
    databases: z.array(
      z.looseObject({
        database: z.string(),
        status: outcome,
        deleted: z.array(z.string()),
        backups: z.array(z.looseObject({ id: z.string(), bytes: amount })),
        error: error.optional(),
      }),
    ),
  }),
]);

const names = /^(?<kind>master_backup|restore|drill|prune)_report_(?<id>.+)\.json$/;

/**
 * Reads the reports that `writeReport` kept beside the backups, those begun since and some before. A store that is no directory of this
 * machine has none that can be read here, which is noted.
 */
export async function readReports(directory: string, since: Date): Promise<ReadReports> {
  const notes: string[] = [];
  const listed = await readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== "ENOENT") notes.push(`the run reports in ${directory}: ${thrown.message}`);
    return [];
  });
  const reports: RunReport[] = [];
  const prunedBytes = new Map<string, number>();
  const wanted = chosen(listed, since);
  for (let index = 0; index < wanted.length; index += readAtOnce) {
    const batch = wanted.slice(index, index + readAtOnce);
    for (const read of await Promise.all(batch.map((name) => readReport(join(directory, name))))) {
      if (typeof read === "string") notes.push(read);
      else {
        reports.push(read as unknown as RunReport);
        if (read.report !== "prune") continue;
        for (const { backups } of read.databases) for (const { id, bytes } of backups) prunedBytes.set(id, bytes);
      }
    }
  }
  const left = notes.length - mostNotes;
  return { reports, prunedBytes, notes: left > 0 ? [...notes.slice(0, mostNotes), `${left} more run reports`] : notes };
}

function chosen(listed: readonly string[], since: Date): string[] {
  return byKind(listed).flatMap((files) => {
    const first = files.findIndex(({ id }) => id >= idAt(since));
    return files.slice(Math.max(0, (first < 0 ? files.length : first) - before)).map(({ name }) => name);
  });
}

/** Names of the reports from before a moment that no report of now would read any more. */
export async function oldReports(directory: string, until: Date): Promise<string[]> {
  return byKind(await readdir(directory)).flatMap((files) =>
    files.slice(0, -before).flatMap(({ name, id }) => (id < idAt(until) ? name : [])),
  );
}

interface NamedReport {
  readonly name: string;
  readonly id: string;
}

/** Those of each kind, oldest first. Ids begin with the time, so names tell the order: nothing else is opened. */
function byKind(listed: readonly string[]): NamedReport[][] {
  const found = listed.flatMap((name) => {
    const { kind = "", id = "" } = names.exec(name)?.groups ?? {};
    return id === "" ? [] : { name, kind, id };
  });
  return [...Map.groupBy(found, ({ kind }) => kind).values()].map((files) =>
    files.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

function idAt(moment: Date): string {
  return moment.toISOString().replaceAll(/[-:]/g, "");
}

/** What it says, or why it cannot be read. */
async function readReport(path: string): Promise<z.infer<typeof schema> | string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > largest) return `${path}: larger than any report`;
    const parsed = schema.safeParse(JSON.parse(await file.readFile("utf8")));
    if (parsed.success) return parsed.data;
    return `${path}: ${z.prettifyError(parsed.error).split("\n")[0] ?? "is no report"}`;
  } catch (thrown) {
    return `${path}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
