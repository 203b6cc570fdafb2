import type { Bytes, OperationContext } from "@sutazai/backup-core";
import { createCollection, deleteCollection, setPayloadIndexes, type CollectionInfo } from "./collections.ts";
import { readExport } from "./export-file.ts";
import { collectionPath, type Server } from "./server.ts";

/** Below what a server takes in one request (32 MB unless set otherwise), and many points at once. */
const batchBytes = 4 * 1024 * 1024;
const batchPoints = 1_000;

/** Makes a collection anew and puts exported points into it, as they were written. Payload indexes come last: they are built once. */
export async function importPoints(
  { signal, progress }: OperationContext,
  server: Server,
  name: string,
  present: CollectionInfo | undefined,
  content: Bytes,
): Promise<void> {
  const path = collectionPath(name, "/points?wait=true");
  let sent = 0;
  let bytes = 0;
  let batch: Buffer[] = [];
  const send = async () => {
    if (batch.length === 0) return;
    const body = `{"points":[${batch.map((line) => line.toString("utf8")).join(",")}]}`;
    await server.client.call("PUT", path, { body, signal, isLong: true });
    sent += bytes;
    progress({ step: `importing ${name}`, bytes: sent });
    batch = [];
    bytes = 0;
  };
  let indexes: CollectionInfo["payload_schema"] = {};
  await readExport(
    name,
    content,
    async ({ config, payload_schema }) => {
      if (present !== undefined) await deleteCollection(server, name, signal);
      await createCollection(server, name, config, signal);
      indexes = payload_schema;
    },
    async (points) => {
      for (const point of points) {
        batch.push(point);
        bytes += point.length + 1;
        if (bytes >= batchBytes || batch.length >= batchPoints) await send();
      }
    },
  );
  await send();
  await setPayloadIndexes(server, name, indexes, signal);
}
