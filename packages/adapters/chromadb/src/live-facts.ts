import type { Fingerprint, OperationContext } from "@sutazai/backup-core";
import { listCollections, listDatabases, type Collection, type DatabaseRef } from "./collections.ts";
import { describedFacts, describedOf, isCosine } from "./export/export-file.ts";
import { collectionFact, ContentDigest, databaseFact } from "./facts.ts";
import { listIds, readRecords } from "./records.ts";
import type { Server } from "./server.ts";

/** What is in a collection of the server, every record read. */
export async function collectionFacts(
  { signal, progress }: OperationContext,
  server: Server,
  where: DatabaseRef,
  collection: Collection,
  name: string = collection.name,
): Promise<Fingerprint> {
  progress({ step: `reading ${name}` });
  const described = describedOf(collection);
  const digest = new ContentDigest(isCosine(described));
  const ids = await listIds(server, where, collection.id, signal);
  for await (const records of readRecords(server, where, collection.id, ids, signal)) {
    for (const record of records) digest.add(record);
  }
  const prefix = collectionFact(where, name);
  return { ...describedFacts(prefix, described), ...digest.facts(prefix) };
}

/** What the server has, in the terms of an export. */
export async function liveFacts(
  context: OperationContext,
  server: Server,
  tenants: readonly string[],
): Promise<Fingerprint> {
  const facts: Record<string, Fingerprint[string]> = {};
  for (const where of await listDatabases(server, tenants, context.signal)) {
    const collections = await listCollections(server, where, context.signal);
    facts[databaseFact(where)] = { exact: true };
    for (const collection of collections)
      Object.assign(facts, await collectionFacts(context, server, where, collection));
  }
  return facts;
}
