import { readFile } from "node:fs/promises";
import {
  BackupError,
  codeOf,
  emptyHead,
  isBackupError,
  toBackupError,
  type Store,
  type StoreLogEntry,
} from "@sutazai/backup-core";
import { z } from "zod";
import type { SystemParts } from "../context.ts";
import { storeFile, writeStoreFile } from "../store-file.ts";
import { warn } from "../warn.ts";

/** The head of a store's log as a run on this host last saw it, kept where who writes to the store does not write. */
export interface KeptHead {
  readonly store: string;
  readonly head: string;
  /** Lines of the log up to it. */
  readonly entries: number;
  readonly at: string;
  /** Lines of the log that somebody has accepted: what was published by them and is gone is known. */
  readonly accepted?: number | undefined;
}

export const headSchema: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/);

const schema: z.ZodType<KeptHead> = z.strictObject({
  store: z.string(),
  head: headSchema,
  entries: z.int().min(0),
  at: z.string(),
  accepted: z.int().min(0).optional(),
});

/** Undefined where none was kept so far. Throws `corrupt`. */
export async function keptHead(parts: Pick<SystemParts, "stateDirectory" | "store">): Promise<KeptHead | undefined> {
  const path = storeFile(parts, folder);
  try {
    return schema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new BackupError("corrupt", `the kept head of the store's log cannot be read: ${path}`, {
      operation: "log.head",
      hint: "compare with a head that was sent out (`verify --log --head`), then keep the present one: `verify --log --accept`",
      cause: error,
    });
  }
}

export async function keepHead(
  parts: Pick<SystemParts, "stateDirectory" | "store">,
  log: readonly StoreLogEntry[],
  accepted?: number,
): Promise<void> {
  const kept: KeptHead = {
    store: parts.store.location,
    head: headOf(log),
    entries: log.length,
    at: new Date().toISOString(),
    ...(accepted !== undefined && { accepted }),
  };
  await writeStoreFile(parts, folder, kept);
}

/** What each run does at its end: returns the head, and keeps it where the log still holds the one kept before. Otherwise that is told, and stays as evidence. */
export async function followHead(parts: SystemParts): Promise<string | undefined> {
  try {
    const log = await parts.store.log();
    const kept = await keptHead(parts);
    if (kept !== undefined && !holds(log, kept.head)) {
      throw new BackupError("corrupt", `the store's log no longer holds what it held at ${kept.at}`, {
        hint: "run `sutazai-backup verify --log`",
      });
    }
    if (log.length > (kept?.entries ?? 0)) await keepHead(parts, log, kept?.accepted);
    return headOf(log);
  } catch (thrown) {
    const { message, hint } = toBackupError(thrown);
    const what = hint === undefined ? message : `${message}: ${hint}`;
    warn(parts, `the store's log: ${what}`);
    return undefined;
  }
}

/**
 * Makes the store ready; throws as its `prepare` does. Before that, `refused` where it holds nothing at all and held something when it was last seen: then its
 * disk is not there, and what is written would lie below the place where that is mounted. What cannot be looked at is for others to tell.
 */
export async function prepareStore(parts: Pick<SystemParts, "stateDirectory" | "store">): Promise<void> {
  const kept = await keptHead(parts).catch(() => undefined);
  const isLost = kept !== undefined && kept.entries > 0 && (await isEmpty(parts.store).catch(() => false));
  if (!isLost) return parts.store.prepare();
  throw new BackupError(
    "refused",
    `the store ${kept.store} is empty, and held ${kept.entries} log entries at ${kept.at}`,
    {
      operation: "store",
      hint: `${mountIt}; where a new store is begun here on purpose: \`sutazai-backup verify --log --accept\``,
    },
  );
}

/** What to do first where a store is not what it was. */
export const mountIt = "see whether its disk is mounted, and whether this is the right store (BACKUP_DIR)";

/** Neither a backup nor a line in its log; one that is not there is as empty. */
export async function isEmpty(store: Store): Promise<boolean> {
  try {
    return (await store.log()).length === 0 && (await store.list()).length === 0;
  } catch (error) {
    return isBackupError(error) && error.reason === "not-found";
  }
}

export function headOf(log: readonly StoreLogEntry[]): string {
  return log.at(-1)?.head ?? emptyHead;
}

/** Whether the log is that which had this head, gone on or not. */
export function holds(log: readonly StoreLogEntry[], head: string): boolean {
  return head === emptyHead || log.some((entry) => entry.head === head);
}

const folder = "log-heads";
