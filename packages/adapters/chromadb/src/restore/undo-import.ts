import type { Settlement } from "@sutazai/backup-core";
import {
  deleteCollection,
  deleteDatabase,
  findCollection,
  hasDatabase,
  listCollections,
  renameCollection,
  type DatabaseRef,
} from "../collections.ts";
import type { Server } from "../server.ts";
import type { ImportRecord, Renaming } from "./records.ts";

/** Settles what an import has begun. Every step looks at what is there. */
export async function settleImport(
  server: Server,
  { action, data }: ImportRecord,
  settlement: Settlement,
): Promise<void> {
  switch (action) {
    case "database":
      return settlement === "undo" ? removeIfUnused(server, data) : undefined;
    case "filling":
      return settlement === "undo" ? deleteCollection(server, data, data.temporary) : undefined;
    case "renaming":
      return settlement === "undo" ? giveBack(server, data) : forget(server, data);
  }
}

/** It was made by the import, and is empty by then: what is in it came from elsewhere. */
async function removeIfUnused(server: Server, where: DatabaseRef): Promise<void> {
  if (!(await hasDatabase(server, where)) || (await listCollections(server, where)).length > 0) return;
  await deleteDatabase(server, where);
}

async function giveBack(server: Server, { name, next, temporary, previous, ...where }: Renaming): Promise<void> {
  const holder = await findCollection(server, where, name);
  // Under its temporary name again it goes with the record that it was filled under.
  if (holder !== undefined && holder.id === next) await renameCollection(server, where, holder.id, temporary);
  if (previous === null) return;
  const waiting = await findCollection(server, where, previous.kept);
  if (waiting?.id === previous.id) await renameCollection(server, where, previous.id, name);
}

async function forget(server: Server, { previous, ...where }: Renaming): Promise<void> {
  if (previous === null) return;
  const waiting = await findCollection(server, where, previous.kept);
  if (waiting?.id === previous.id) await deleteCollection(server, where, previous.kept);
}
