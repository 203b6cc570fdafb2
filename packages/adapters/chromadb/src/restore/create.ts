import { compareFingerprints, isBackupError } from "@sutazai/backup-core";
import { createCollection, deleteCollection, type Collection, type DatabaseRef } from "../collections.ts";
import { textReadAs } from "../exact-number.ts";
import { describedFacts, describedOf, type Described } from "../export/export-file.ts";
import { withNumbers } from "./numbers.ts";
import type { Server } from "../server.ts";

/**
 * Makes a collection like one of the backup, under a temporary name. A schema says it all; one that goes with settings among the metadata
 * (`hnsw:…`, from older clients) is refused, and follows from these settings. Returns whether it came out alike.
 */
export async function createAlike(
  server: Server,
  where: DatabaseRef,
  described: Described,
  temporary: string,
  signal: AbortSignal,
): Promise<{ readonly collection: Collection; readonly isAlike: boolean }> {
  const { metadata, configuration_json: configuration, schema } = described;
  const hasLegacy = Object.keys((metadata as object | null) ?? {}).some((key) => key.startsWith("hnsw:"));
  const base = { name: temporary, ...(metadata !== null && { metadata: withNumbers(metadata, textReadAs) }) };
  const attempts = [
    ...(schema !== null && schema !== undefined && !hasLegacy ? [{ ...base, schema }] : []),
    ...(hasLegacy ? [base] : []),
    { ...base, configuration },
  ];
  const wanted = describedFacts("", described);
  for (const [at, attempt] of attempts.entries()) {
    const isLast = at === attempts.length - 1;
    let collection: Collection;
    try {
      collection = await createCollection(server, where, attempt, signal);
    } catch (error) {
      // A server that knows no schemas.
      if (isLast || !isBackupError(error) || error.reason !== "unsupported") throw error;
      continue;
    }
    const isAlike = compareFingerprints(wanted, describedFacts("", describedOf(collection))).length === 0;
    if (isAlike || isLast) return { collection, isAlike };
    await deleteCollection(server, where, temporary);
  }
  throw new Error("there is always a last attempt");
}
