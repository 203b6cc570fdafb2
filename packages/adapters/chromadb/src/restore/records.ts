import { z } from "zod";
import type { JournalRecord } from "@sutazai/backup-core";
import { BackupError } from "@sutazai/backup-core";

/** What an import is about to do to the server, as the journal keeps it. */
export type ImportRecord =
  | { readonly action: "database"; readonly data: { readonly tenant: string; readonly database: string } }
  | { readonly action: "filling"; readonly data: Filling }
  | { readonly action: "renaming"; readonly data: Renaming };

interface Place {
  readonly tenant: string;
  readonly database: string;
}

/** A collection that is made under a temporary name. */
export interface Filling extends Place {
  readonly temporary: string;
}

/** A name that goes from one collection to another. */
export interface Renaming extends Place {
  readonly name: string;
  /** The collection that is to have the name; null where none is. */
  readonly next: string | null;
  readonly temporary: string;
  /** The collection that has had it, and the name under which it waits; null where there was none. */
  readonly previous: { readonly id: string; readonly kept: string } | null;
}

const place = { tenant: z.string(), database: z.string() };
const schema: z.ZodType<ImportRecord> = z.discriminatedUnion("action", [
  z.object({ action: z.literal("database"), data: z.strictObject(place) }),
  z.object({ action: z.literal("filling"), data: z.strictObject({ ...place, temporary: z.string() }) }),
  z.object({
    action: z.literal("renaming"),
    data: z.strictObject({
      ...place,
      name: z.string(),
      next: z.string().nullable(),
      temporary: z.string(),
      previous: z.strictObject({ id: z.string(), kept: z.string() }).nullable(),
    }),
  }),
]);

export function toJournal(part: string, { action, data }: ImportRecord): JournalRecord {
  return { part, action, data: z.json().parse(data) };
}

/** Throws `corrupt` for a record that this adapter did not write. */
export function fromJournal(record: JournalRecord): ImportRecord {
  const parsed = schema.safeParse(record);
  if (parsed.success) return parsed.data;
  throw new BackupError("corrupt", `the journal's record "${record.action}" of ${record.part} cannot be read`, {
    operation: "chromadb.recover",
    database: record.part,
    hint: "look at the journal's file, undo by hand what it names, then remove it",
    cause: parsed.error,
  });
}
