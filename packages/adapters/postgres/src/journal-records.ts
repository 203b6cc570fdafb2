import { BackupError, type JournalRecord } from "@sutazai/backup-core";
import { z } from "zod";

/** One database changing places: the old one is retired, the staged one takes its name. Told apart by OID, which renaming does not change. */
export interface Swap {
  readonly name: string;
  readonly staged: string;
  readonly stagedOid: number;
  readonly retired: string;
  /** Null where there was none of this name. */
  readonly oldOid: number | null;
}

/** What a restore is about to do, as the journal keeps it. Every record names the database to work from. */
export type RestoreRecord =
  | { readonly action: "make-maintenance-database"; readonly data: { readonly maintenance: string } }
  | { readonly action: "create-role"; readonly data: { readonly maintenance: string; readonly role: string } }
  | { readonly action: "stage-database"; readonly data: { readonly maintenance: string; readonly staged: string } }
  | { readonly action: "demote-role"; readonly data: { readonly maintenance: string; readonly role: string } }
  | {
      readonly action: "close-database";
      readonly data: { readonly maintenance: string; readonly oid: number; readonly allowedConnections: boolean };
    }
  | { readonly action: "cut-over"; readonly data: { readonly maintenance: string; readonly swaps: readonly Swap[] } };

const maintenance = z.string();
const oid = z.number().int();
const schema: z.ZodType<RestoreRecord> = z.discriminatedUnion("action", [
  z.object({ action: z.literal("make-maintenance-database"), data: z.strictObject({ maintenance }) }),
  z.object({ action: z.literal("create-role"), data: z.strictObject({ maintenance, role: z.string() }) }),
  z.object({ action: z.literal("stage-database"), data: z.strictObject({ maintenance, staged: z.string() }) }),
  z.object({ action: z.literal("demote-role"), data: z.strictObject({ maintenance, role: z.string() }) }),
  z.object({
    action: z.literal("close-database"),
    data: z.strictObject({ maintenance, oid, allowedConnections: z.boolean() }),
  }),
  z.object({
    action: z.literal("cut-over"),
    data: z.strictObject({
      maintenance,
      swaps: z.array(
        z.strictObject({
          name: z.string(),
          staged: z.string(),
          stagedOid: oid,
          retired: z.string(),
          oldOid: oid.nullable(),
        }),
      ),
    }),
  }),
]);

export function toJournal(part: string, { action, data }: RestoreRecord): JournalRecord {
  return { part, action, data: z.json().parse(data) };
}

/** Throws `corrupt` for a record that this adapter did not write. */
export function fromJournal(record: JournalRecord): RestoreRecord {
  const parsed = schema.safeParse(record);
  if (parsed.success) return parsed.data;
  throw new BackupError("corrupt", `the journal's record "${record.action}" of ${record.part} cannot be read`, {
    operation: "postgres.recover",
    database: record.part,
    hint: "look at the journal's file, undo by hand what it names, then remove it",
    cause: parsed.error,
  });
}
