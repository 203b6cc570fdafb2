import type { Bytes, Fingerprint, OperationContext } from "@sutazai/backup-core";
import { BackupError } from "@sutazai/backup-core";
import { countRecords, type Collection, type DatabaseRef } from "../collections.ts";
import { collectionFact, ContentDigest } from "../facts.ts";
import { listIds, readRecords, type WrittenRecord } from "../records.ts";
import type { Server } from "../server.ts";
import { describedFacts, describedOf, headLine, isCosine, recordPieces, tailLine } from "./export-file.ts";

/** How often records are asked for that others may be making anew just then. */
const attempts = 3;

/** What an export came to, when it has been read to its end. */
export interface Written {
  facts: Fingerprint;
  records: number;
}

/**
 * A collection as JSON lines: its head, its records by the ids that it had when it was begun, and their number. Records that others make meanwhile are not in
 * it; none that stays is left out. Throws `mismatch` where the server lists records that it does not give, and where nobody wrote and they are not as many as it counts.
 */
export async function* writeCollection(
  { signal, progress }: OperationContext,
  server: Server,
  where: DatabaseRef,
  collection: Collection,
  written: Written,
): Bytes {
  const { id, name } = collection;
  const described = describedOf(collection);
  yield Buffer.from(headLine(where, described));

  const before = await countRecords(server, where, id, signal);
  const ids = await listIds(server, where, id, signal);
  const digest = new ContentDigest(isCosine(described));
  let bytes = 0;
  let absent: string[] = [];
  const take = (records: readonly WrittenRecord[]): Buffer => {
    for (const record of records) digest.add(record);
    const block = Buffer.concat(records.flatMap(recordPieces).map((piece) => Buffer.from(piece)));
    bytes += block.length;
    progress({ step: `exporting ${name}`, bytes });
    return block;
  };
  let at = 0;
  for await (const records of readRecords(server, where, id, ids, signal)) {
    for (const { id: found } of records) {
      while (ids[at] !== found) absent.push(ids[at++] ?? "");
      at += 1;
    }
    yield take(records);
  }
  absent.push(...ids.slice(at));
  const wasQuiet = absent.length === 0;
  // Deleted, and perhaps made anew since. What the server goes on to list it has to give.
  for (let attempt = 1; absent.length > 0; attempt++) {
    const left = new Set(absent);
    for await (const records of readRecords(server, where, id, absent, signal)) {
      for (const { id: found } of records) left.delete(found);
      if (records.length > 0) yield take(records);
    }
    absent = left.size === 0 ? [] : (await listIds(server, where, id, signal)).filter((listed) => left.has(listed));
    if (absent.length > 0 && attempt === attempts) throw unlike(name, digest.count + absent.length, digest.count);
  }

  const after = await countRecords(server, where, id, signal);
  if (before === after && wasQuiet && digest.count !== before) throw unlike(name, before, digest.count);
  yield Buffer.from(tailLine(digest.count));
  const prefix = collectionFact(where, name);
  written.records = digest.count;
  written.facts = { ...describedFacts(prefix, described), ...digest.facts(prefix) };
}

function unlike(collection: string, counted: number, given: number): BackupError {
  return new BackupError(
    "mismatch",
    `of collection ${JSON.stringify(collection)} the server lists ${counted} records and gives ${given}`,
    {
      operation: "chromadb.export",
      hint: "run it again; if it stays so, the server's index is damaged: restore the last good backup",
    },
  );
}
