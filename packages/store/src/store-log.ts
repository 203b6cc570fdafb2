import { ChainedLog, type OpenChain, type StoreLogEntry } from "@sutazai/backup-core";
import { z } from "zod";
import type { LockDirectory } from "./lock-directory.ts";

/** What the log says of one backup. */
export type Tombstone = Pick<StoreLogEntry, "backup" | "database" | "backupSequence" | "manifest">;

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/);
const tombstoneShape = {
  backup: z.string(),
  database: z.string(),
  backupSequence: z.number().int().nonnegative(),
  manifest: digestSchema,
};
export const tombstoneSchema: z.ZodType<Tombstone> = z.strictObject(tombstoneShape);

/** A line of the log. */
export type StoreLogLine = Omit<StoreLogEntry, "head">;

const lineSchema: z.ZodType<StoreLogLine> = z.strictObject({
  sequence: z.number().int().positive(),
  at: z.string(),
  action: z.enum(["publish", "delete"]),
  ...tombstoneShape,
  previous: digestSchema,
});

const mutexPatience = 60_000;

/** The log while this process alone may write to it. */
export type OpenLog = OpenChain<StoreLogLine>;

/** The store's log: a line per publish and delete. */
export function storeLog(path: string, mutex: LockDirectory, now: () => Date): ChainedLog<StoreLogLine> {
  return new ChainedLog({
    path,
    schema: lineSchema,
    exclusive: () => mutex.acquire("exclusive", { patience: mutexPatience }),
    now,
    operation: "store.log",
    hint: "verify every backup, keep the file as evidence, and move it out of the store: the next backup starts a new one",
  });
}
