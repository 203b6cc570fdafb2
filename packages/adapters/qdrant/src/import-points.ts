import type { Bytes, OperationContext } from "@sutazai/backup-core";
import { createCollection, deleteCollection, setPayloadIndexes, type CollectionInfo } from "./collections.ts";
import type { InventoriedCollection } from "./details.ts";
import { linesOf } from "./lines.ts";
import { collectionPath, type Server } from "./server.ts";

/** Below what a server takes in one request (32 MB unless set otherwise), and many points at once. */
const batchBytes = 4 * 1024 * 1024;
const batchPoints = 1_000;

/** Makes a collection anew and puts exported points into it, as they were written. Payload indexes come last: they are built once. */
export async function importPoints(
  { signal, progress }: OperationContext,
  server: Server,
  wanted: InventoriedCollection,
  present: CollectionInfo | undefined,
  content: Bytes,
): Promise<void> {
  const { name, config, payload_schema } = wanted;
  if (present !== undefined) await deleteCollection(server, name, signal);
  await createCollection(server, name, config, signal);
  const path = collectionPath(name, "/points?wait=true");
  let sent = 0;
  const send = async (batch: readonly Buffer[], bytes: number) => {
    const body = `{"points":[${batch.map((line) => line.toString("utf8")).join(",")}]}`;
    await server.client.call("PUT", path, { body, signal, isLong: true });
    sent += bytes;
    progress({ step: `importing ${name}`, bytes: sent });
  };
  let batch: Buffer[] = [];
  let bytes = 0;
  for await (const lines of linesOf(content)) {
    for (const line of lines) {
      batch.push(line);
      bytes += line.length + 1;
      if (bytes < batchBytes && batch.length < batchPoints) continue;
      await send(batch, bytes);
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) await send(batch, bytes);
  await setPayloadIndexes(server, name, payload_schema, signal);
}
