import {
  formOf,
  type ArtifactSource,
  type Fingerprint,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import {
  findCollection,
  hasDatabase,
  listCollections,
  makeDatabase,
  renameCollection,
  type Collection,
} from "../collections.ts";
import { damaged } from "../data/damaged.ts";
import { readDetails, type ExportedCollection } from "../details.ts";
import { describedFacts, describedOf, isCosine, readExport, type ExportHead } from "../export/export-file.ts";
import { collectionFact, databaseFact } from "../facts.ts";
import { collectionFacts } from "../live-facts.ts";
import { Server } from "../server.ts";
import { createAlike } from "./create.ts";
import { compareRecords, fill } from "./fill.ts";
import { toJournal } from "./records.ts";
import { assertSame } from "./validate.ts";

const graceSeconds = 60;

interface Filled {
  readonly exported: ExportedCollection;
  readonly temporary: string;
  readonly collection: Collection;
}

/**
 * Fills fresh collections beside the present ones, under temporary names, and exchanges the names when all of them have been compared. The
 * present ones wait under other names until the operation is finished.
 */
export async function restoreByImporting(
  context: OperationContext,
  server: Server,
  source: ArtifactSource,
): Promise<RestoreFacts> {
  const { journal } = context;
  const { manifest } = source;
  const { databases = [], collections = [] } = readDetails(manifest).export ?? {};
  let expected = formOf(manifest, "export").fingerprint;
  const found: Record<string, Fingerprint[string]> = {};
  const warnings: string[] = [];

  for (const { tenant, database } of databases) {
    const where = { tenant, database };
    if (!(await hasDatabase(server, where))) {
      await journal.record(toJournal(server.database, { action: "database", data: where }));
      await makeDatabase(server, where);
    }
    found[databaseFact(where)] = { exact: true };
  }
  const filled: Filled[] = [];
  for (const [at, exported] of collections.entries()) {
    const temporary = `sutazai-restore-${journal.id}-${at}`;
    const { collection, facts, isAlike } = await restoreBeside(context, server, source, exported, temporary);
    filled.push({ exported, temporary, collection });
    Object.assign(found, facts);
    if (isAlike) continue;
    const { [`${collectionFact(exported, exported.name)}/configuration`]: _, ...rest } = expected;
    expected = rest;
    warnings.push(`the server takes some settings of the index of ${JSON.stringify(exported.name)} no more`);
  }
  assertSame(expected, withoutUnexpected(found, expected), "read back before the names were exchanged");
  for (const each of filled) await exchangeNames(server, context, each);
  if (server.options.exact === true) await setOthersAside(server, context, filled, databases);

  const evidence = ["every record and vector compared with the export, before the names were exchanged"];
  if (await restart(context, server)) {
    assertSame(
      expected,
      withoutUnexpected(await readAgain(context, server, filled, databases), expected),
      "after a restart",
    );
    evidence.push("all of it read again after a restart");
  }
  return { fingerprint: withoutUnexpected(found, expected), expected, evidence, warnings };
}

/** Where a setting is not held against the backup, it is not shown either. */
function withoutUnexpected(found: Fingerprint, expected: Fingerprint): Fingerprint {
  return Object.fromEntries(
    Object.entries(found).filter(([name]) => Object.hasOwn(expected, name) || !name.endsWith("/configuration")),
  );
}

async function restoreBeside(
  context: OperationContext,
  server: Server,
  source: ArtifactSource,
  exported: ExportedCollection,
  temporary: string,
): Promise<{ readonly collection: Collection; readonly facts: Fingerprint; readonly isAlike: boolean }> {
  const { tenant, database, name, artifact } = exported;
  const where = { tenant, database };
  const { collection: described } = await readHead(source, artifact);
  await context.journal.record(toJournal(server.database, { action: "filling", data: { ...where, temporary } }));
  const { collection, isAlike } = await createAlike(server, where, described, temporary, context.signal);
  const named = { id: collection.id, name };
  await fill(context, server, where, named, source.read(artifact));
  const digest = await compareRecords(context, server, where, named, source.read(artifact), isCosine(described));
  const prefix = collectionFact(where, name);
  return {
    collection,
    isAlike,
    facts: { ...describedFacts(prefix, describedOf(collection)), ...digest.facts(prefix) },
  };
}

/** The first line alone. */
async function readHead(source: ArtifactSource, artifact: string): Promise<ExportHead> {
  const read: { head?: ExportHead } = {};
  const enough = new Error("the head has been read");
  try {
    await readExport(
      source.read(artifact),
      (head) => {
        read.head = head;
        throw enough;
      },
      () => undefined,
    );
  } catch (error) {
    if (error !== enough) throw error;
  }
  if (read.head === undefined) throw damaged(`${artifact} has no head`);
  return read.head;
}

async function exchangeNames(
  server: Server,
  { journal, signal }: OperationContext,
  { exported: { tenant, database, name }, temporary, collection }: Filled,
): Promise<void> {
  const where = { tenant, database };
  const present = await findCollection(server, where, name, signal);
  const previous = present === undefined ? null : { id: present.id, kept: `${temporary}-kept` };
  const data = { ...where, name, next: collection.id, temporary, previous };
  await journal.record(toJournal(server.database, { action: "renaming", data }));
  if (previous !== null) await renameCollection(server, where, previous.id, previous.kept);
  await renameCollection(server, where, collection.id, name);
}

async function setOthersAside(
  server: Server,
  { journal, signal }: OperationContext,
  filled: readonly Filled[],
  databases: readonly { readonly tenant: string; readonly database: string }[],
): Promise<void> {
  const ours = new Set(filled.map(({ collection }) => collection.id));
  let at = 0;
  for (const { tenant, database } of databases) {
    const where = { tenant, database };
    for (const { id, name } of await listCollections(server, where, signal)) {
      if (ours.has(id) || name.startsWith(`sutazai-restore-${journal.id}-`)) continue;
      const temporary = `sutazai-restore-${journal.id}-other-${at++}`;
      const data = { ...where, name, next: null, temporary, previous: { id, kept: `${temporary}-kept` } };
      await journal.record(toJournal(server.database, { action: "renaming", data }));
      await renameCollection(server, where, id, data.previous.kept);
    }
  }
}

/** Restarts the server where it can be; returns whether it was. What it has in memory alone would be gone. */
async function restart({ containers, journal }: OperationContext, { target }: Server): Promise<boolean> {
  const { container } = target;
  if (container === undefined || container.autoRemove || container.orchestrator !== undefined) return false;
  await containers.stop(container.id, { journal, graceSeconds });
  await containers.start(container.id);
  return true;
}

async function readAgain(
  context: OperationContext,
  { options, database }: Server,
  filled: readonly Filled[],
  databases: readonly { readonly tenant: string; readonly database: string }[],
): Promise<Fingerprint> {
  using server = await Server.open(options, database, context.containers, context.signal);
  const facts: Record<string, Fingerprint[string]> = {};
  for (const where of databases) facts[databaseFact(where)] = { exact: true };
  for (const { exported } of filled) {
    const collection = await findCollection(server, exported, exported.name, context.signal);
    if (collection === undefined) continue;
    Object.assign(facts, await collectionFacts(context, server, exported, collection));
  }
  return facts;
}
