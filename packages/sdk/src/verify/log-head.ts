import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BackupError, codeOf, emptyHead, toBackupError, writeDurably, type StoreLogEntry } from "@sutazai/backup-core";
import { z } from "zod";
import type { SystemParts } from "../context.ts";
import { warn } from "../warn.ts";

/** The head of a store's log as a run on this host last saw it, kept where who writes to the store does not write. */
export interface KeptHead {
  readonly store: string;
  readonly head: string;
  /** Lines of the log up to it. */
  readonly entries: number;
  readonly at: string;
}

export const headSchema: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/);

const schema: z.ZodType<KeptHead> = z.strictObject({
  store: z.string(),
  head: headSchema,
  entries: z.int().min(0),
  at: z.string(),
});

/** Undefined where none was kept so far. Throws `corrupt`. */
export async function keptHead(parts: Pick<SystemParts, "stateDirectory" | "store">): Promise<KeptHead | undefined> {
  const path = pathOf(parts);
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
): Promise<void> {
  const kept: KeptHead = {
    store: parts.store.location,
    head: headOf(log),
    entries: log.length,
    at: new Date().toISOString(),
  };
  await mkdir(join(parts.stateDirectory, folder), { recursive: true, mode: 0o700 });
  await writeDurably(pathOf(parts), `${JSON.stringify(kept)}\n`);
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
    if (log.length > (kept?.entries ?? 0)) await keepHead(parts, log);
    return headOf(log);
  } catch (thrown) {
    const { message, hint } = toBackupError(thrown);
    const what = hint === undefined ? message : `${message}: ${hint}`;
    warn(parts, `the store's log: ${what}`);
    return undefined;
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

function pathOf({ stateDirectory, store }: Pick<SystemParts, "stateDirectory" | "store">): string {
  return join(stateDirectory, folder, createHash("sha256").update(store.location).digest("hex").slice(0, 32));
}
