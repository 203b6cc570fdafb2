import { readFile } from "node:fs/promises";
import {
  codeOf,
  databaseKinds,
  toBackupError,
  type BackupError,
  type DatabaseKind,
  type SerializedError,
} from "@sutazai/backup-core";
import { z } from "zod";
import type { SystemParts } from "../context.ts";
import type { ReportOptions } from "../report/report.ts";
import { storeFile, writeStoreFile } from "../store-file.ts";
import { warn } from "../warn.ts";

/** A database that was found once and is missed now. */
export interface MissingDatabase {
  readonly name: string;
  readonly kind: DatabaseKind;
}

const schema = z.strictObject({
  store: z.string(),
  databases: z.array(z.strictObject({ name: z.string(), kind: z.enum(databaseKinds) })),
});

type Parts = Pick<SystemParts, "stateDirectory" | "store" | "databases" | "discovery">;

/**
 * Databases that earlier backups of everything on this host have found, and that are not found now. Where the configuration names all databases none is missing,
 * nor is one that it says has retired. Throws where what was found is not known.
 */
export async function missingDatabases(parts: Parts): Promise<MissingDatabase[]> {
  const { discovery, databases } = parts;
  if (discovery === undefined) return [];
  const retired = new Set(discovery.retired);
  return (await found(parts)).filter(({ name }) => !databases.has(name) && !retired.has(name));
}

/** What a report must know of the databases besides those that there are. Where Docker could not be asked, none is known to be missing. Throws as {@link missingDatabases}. */
export async function knownDatabases(
  parts: Parts,
): Promise<Required<Pick<ReportOptions, "isWhole" | "missing" | "retired">>> {
  const { error, retired = [] } = parts.discovery ?? {};
  if (error !== undefined) return { isWhole: false, missing: [], retired };
  const missing = await missingDatabases(parts);
  return {
    isWhole: true,
    missing: missing.map(({ name, kind }) => ({ database: name, kind, action: retire(name) })),
    retired,
  };
}

/** What each backup of everything does at its end: from now on these are expected, and those that are missing still are. */
export async function expectDatabases(parts: SystemParts, missing: readonly MissingDatabase[]): Promise<void> {
  const present = [...parts.databases.values()].map(({ name, kind }) => ({ name, kind }));
  try {
    await writeStoreFile(parts, folder, { store: parts.store.location, databases: [...present, ...missing] });
  } catch (error) {
    warn(parts, `which databases there are could not be kept: ${toBackupError(error).message}`);
  }
}

/** Why nothing was backed up of one that is missing: `unasked` where Docker could not be asked for it. */
export function whyMissing(name: string, unasked: BackupError | undefined): SerializedError {
  return (
    unasked?.toJSON() ?? {
      reason: "not-found",
      message: `${name} was backed up before, and its container is gone`,
      operation: "backup",
      database: name,
      hint: retire(name),
    }
  );
}

function retire(name: string): string {
  return `Start its container again, or see why it is not found (\`sutazai-backup discover\`); where it is no more on purpose: BACKUP_RETIRED=${name} (\`retired\`)`;
}

async function found(parts: Parts): Promise<readonly MissingDatabase[]> {
  try {
    return schema.parse(JSON.parse(await readFile(storeFile(parts, folder), "utf8"))).databases;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

const folder = "databases";
