import { setTimeout as sleep } from "node:timers/promises";
import {
  BackupError,
  compareFingerprints,
  type Bytes,
  type Fingerprint,
  type OperationContext,
} from "@sutazai/backup-core";
import {
  countPoints,
  createCollection,
  deleteCollection,
  findInfo,
  readInfo,
  setPayloadIndexes,
  type CollectionInfo,
} from "./collections.ts";
import { infoFacts } from "./facts.ts";
import { toJournal, type PreservedCollection, type Replacement } from "./journal-records.ts";
import { downloadSnapshot, makeSnapshot, uploadSnapshot } from "./server-snapshot.ts";
import type { Server } from "./server.ts";

/**
 * Before a collection is touched: what there is under its name is kept as a snapshot in the server (it survives the collection's
 * deletion), and the journal says how to put it back. Returns what there is.
 */
export async function preserve(
  context: OperationContext,
  server: Server,
  name: string,
): Promise<CollectionInfo | undefined> {
  const { signal, journal } = context;
  const info = await findInfo(server, name, signal);
  const was = info === undefined ? null : await preserved(context, server, name, info);
  await journal.record(toJournal(server.database, { action: "replace", data: { collection: name, was } }));
  return info;
}

async function preserved(
  context: OperationContext,
  server: Server,
  name: string,
  { config, payload_schema }: CollectionInfo,
): Promise<PreservedCollection> {
  const points = await countPoints(server, name, context.signal);
  const { name: file, size, checksum = null } = await makeSnapshot(context, server, name, true);
  return { config, payloadSchema: payload_schema, points, snapshot: { name: file, size, checksum } };
}

/**
 * Makes a collection what its snapshot says: over the present one where that is made up alike, else in its place. The server
 * itself would leave the settings of a collection that it restores over as they are.
 */
export async function restoreSnapshot(
  { signal }: OperationContext,
  server: Server,
  name: string,
  present: CollectionInfo | undefined,
  expected: Fingerprint,
  content: Bytes,
  facts: { readonly size: number; readonly checksum: string },
): Promise<void> {
  if (present !== undefined && !isMadeUpAs(name, present, expected)) await deleteCollection(server, name, signal);
  await uploadSnapshot(server, name, content, facts, signal);
}

function isMadeUpAs(name: string, info: CollectionInfo, expected: Fingerprint): boolean {
  const configuration = Object.fromEntries(
    Object.entries(expected).filter(([fact]) => !/\/(points|content)$/.test(fact)),
  );
  return compareFingerprints(configuration, infoFacts(name, info)).length === 0;
}

/** Puts back what a replacement took away, as far as it had come. Every step looks at what is there. */
export async function undoReplacement(server: Server, { collection, was }: Replacement): Promise<void> {
  const present = await findInfo(server, collection);
  if (was === null) {
    if (present !== undefined) await deleteCollection(server, collection);
    return;
  }
  const wanted = infoFacts(collection, { config: was.config, payload_schema: was.payloadSchema });
  if (present === undefined || !isMadeUpAs(collection, present, wanted)) {
    if (present !== undefined) await deleteCollection(server, collection);
    await createCollection(server, collection, was.config);
  }
  const { name, size, checksum } = was.snapshot;
  await uploadSnapshot(server, collection, await downloadSnapshot(server, collection, name), { size, checksum });
  await setPayloadIndexes(server, collection, was.payloadSchema);
  const found = await readInfo(server, collection);
  const points = await countPoints(server, collection);
  if (points === was.points && isMadeUpAs(collection, found, wanted)) return;
  throw new BackupError(
    "mismatch",
    `collection ${JSON.stringify(collection)} was put back with ${points} of ${was.points} points or with other settings`,
    {
      operation: "qdrant.undo",
      hint: `its snapshot is still in the server as ${name}; restore the safety backup`,
    },
  );
}

const betweenLooksMs = 250;

/** Waits until a collection is searched by its indexes. Throws `restore-failed` where the server cannot build them. */
export async function untilIndexed(server: Server, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { status, optimizer_status } = await readInfo(server, name, signal);
    // Grey: there would be something to do, but the server waits for the next write with it.
    if (status === "green" || status === "grey") return;
    if (status === "red") {
      throw new BackupError(
        "restore-failed",
        `the server cannot index ${JSON.stringify(name)}: ${JSON.stringify(optimizer_status)}`,
        {
          operation: "qdrant.restore",
          hint: "look at the server's log: as a rule it lacks memory or disk space",
        },
      );
    }
    await sleep(betweenLooksMs, undefined, { signal });
  }
}
