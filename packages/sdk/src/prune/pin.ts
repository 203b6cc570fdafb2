import { isBackupError, type Annotation, type Store } from "@sutazai/backup-core";
import { z } from "zod";
import type { SystemParts } from "../context.ts";
import { lockStore } from "../locks.ts";
import type { RunOptions } from "../run.ts";

/** A backup that is kept whatever the retention policy says. */
export interface Pin {
  readonly reason: string;
  readonly at: string;
}

/** The pin in force: the last annotation of kind `pin`, unless an `unpin` came after it. */
export function pinOf(annotations: readonly Annotation[]): Pin | undefined {
  const last = annotations.findLast(({ kind }) => kind === "pin" || kind === "unpin");
  if (last?.kind !== "pin") return undefined;
  const { reason } = z.looseObject({ reason: z.string() }).safeParse(last.value).data ?? { reason: "no reason given" };
  return { reason, at: last.at };
}

/** The pins of listed backups, by id. One whose annotations cannot be read is taken for pinned, as by a prune. */
export async function pinsOf(store: Store, ids: readonly string[]): Promise<Map<string, Pin>> {
  const pins = new Map<string, Pin>();
  for (const id of ids) {
    const pin = await store.annotations(id).then(pinOf, (error: unknown) => {
      if (isBackupError(error) && error.reason === "not-found") return undefined; // Deleted since it was listed.
      return { reason: unreadableAnnotations, at: "" };
    });
    if (pin !== undefined) pins.set(id, pin);
  }
  return pins;
}

export const unreadableAnnotations = "its annotations cannot be read, and one may be a pin";

/** Keeps a backup from every prune until it is unpinned. Under the store's lock, so that none that is under way misses it. */
export async function runPin(
  parts: SystemParts,
  id: string,
  { reason, ...options }: RunOptions & { readonly reason: string },
): Promise<void> {
  await annotate(parts, id, "pin", { reason }, options);
}

/** Leaves a backup to the policy again. Returns the pin that was lifted; undefined where there was none, and then notes nothing. */
export async function runUnpin(parts: SystemParts, id: string, options: RunOptions = {}): Promise<Pin | undefined> {
  const pin = pinOf(await parts.store.annotations(id));
  if (pin !== undefined) await annotate(parts, id, "unpin", {}, options);
  return pin;
}

async function annotate(
  parts: SystemParts,
  id: string,
  kind: string,
  value: { [key: string]: string },
  { wait = false, signal = new AbortController().signal }: RunOptions,
): Promise<void> {
  await parts.store.prepare();
  await using _lock = await lockStore(parts, "shared", { wait, signal });
  await parts.store.annotate(id, kind, value);
}
