import type { Bytes, JournalEntry, OperationContext } from "@sutazai/backup-core";
import type { UploadForm } from "@sutazai/backup-http";
import { isBackupError } from "@sutazai/backup-core";
import { z } from "zod";
import { toJournal } from "./journal-records.ts";
import { collectionPath, type Server } from "./server.ts";

export const snapshotForm: UploadForm = {
  field: "snapshot",
  fileName: "collection.snapshot",
  description: "a snapshot",
};

/** A snapshot as the server describes it. Older servers tell no checksum. */
export interface SnapshotDescription {
  readonly name: string;
  readonly size: number;
  readonly checksum?: string | null | undefined;
  readonly creation_time?: string | null | undefined;
}

const descriptionSchema: z.ZodType<SnapshotDescription> = z.looseObject({
  name: z.string().min(1),
  size: z.number(),
  checksum: z.string().nullish(),
  creation_time: z.string().nullish(),
});

/** A snapshot that we made. It is deleted with its journal entry, at the latest when the operation ends. */
export interface OwnSnapshot extends SnapshotDescription {
  readonly entry: JournalEntry;
}

/**
 * Has the server make a snapshot of a collection. It is waited for even when the operation is cancelled: given up, it would be
 * there a moment later, and nobody would delete it.
 */
export async function makeSnapshot(
  { journal, signal, progress }: OperationContext,
  server: Server,
  collection: string,
  withinRestore: boolean = false,
): Promise<OwnSnapshot> {
  signal.throwIfAborted();
  progress({ step: `making a snapshot of ${collection}` });
  const known = (await listSnapshots(server, collection, signal)).map(({ name }) => name);
  const part = server.database;
  const at = new Date().toISOString();
  const intent = await journal.record(
    toJournal(part, { action: "make-snapshot", data: { collection, known, at, withinRestore } }),
  );
  const path = collectionPath(collection, "/snapshots?wait=true");
  const made = await server.ask("POST", path, descriptionSchema, { isLong: true });
  const entry = await journal.record(
    toJournal(part, { action: "snapshot", data: { collection, name: made.name, withinRestore } }),
  );
  await intent.settle("finish");
  signal.throwIfAborted();
  return { ...made, entry };
}

export async function listSnapshots(
  server: Server,
  collection: string,
  signal?: AbortSignal,
): Promise<SnapshotDescription[]> {
  return server.ask("GET", collectionPath(collection, "/snapshots"), z.array(descriptionSchema), { signal });
}

export function downloadSnapshot(
  server: Server,
  collection: string,
  name: string,
  signal?: AbortSignal,
): Promise<Bytes> {
  return server.client.download(collectionPath(collection, `/snapshots/${encodeURIComponent(name)}`), signal);
}

/** Makes a collection what a snapshot says; the server compares the checksum before it changes anything. */
export async function uploadSnapshot(
  server: Server,
  collection: string,
  content: Bytes,
  { size, checksum }: { readonly size: number; readonly checksum: string | null },
  signal?: AbortSignal,
): Promise<void> {
  const check = checksum === null ? "" : `&checksum=${checksum}`;
  const path = collectionPath(collection, `/snapshots/upload?priority=snapshot&wait=true${check}`);
  await server.client.upload(path, snapshotForm, content, size, signal);
}

/** A no-op where it is gone already. */
export async function deleteSnapshot(server: Server, collection: string, name: string): Promise<void> {
  const path = collectionPath(collection, `/snapshots/${encodeURIComponent(name)}?wait=true`);
  try {
    await server.ask("DELETE", path, z.unknown(), { isLong: true });
  } catch (error) {
    if (!isBackupError(error) || error.reason !== "not-found") throw error;
  }
}
