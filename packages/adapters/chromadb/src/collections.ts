import { isBackupError } from "@sutazai/backup-core";
import { z } from "zod";
import { stringifyExact } from "./json.ts";
import type { Server } from "./server.ts";

/** Where collections are. */
export interface DatabaseRef {
  readonly tenant: string;
  readonly database: string;
}

/** A collection as the server describes it. */
export interface Collection {
  /** Changes when it is made anew. */
  readonly id: string;
  readonly name: string;
  readonly dimension: number | null;
  readonly metadata: unknown;
  readonly configuration_json: unknown;
  /** Says all that `configuration_json` says, and more. Servers before 1.1 have none. */
  readonly schema?: unknown;
}

export const defaultTenant = "default_tenant";

const collectionSchema: z.ZodType<Collection> = z.looseObject({
  id: z.string(),
  name: z.string(),
  dimension: z.number().nullable(),
  metadata: z.unknown(),
  configuration_json: z.unknown(),
  schema: z.unknown().optional(),
});
const namedSchema = z.looseObject({ name: z.string() });

function databasePath({ tenant, database }: DatabaseRef, rest: string = ""): string {
  return `/tenants/${encoded(tenant)}/databases/${encoded(database)}${rest}`;
}

export function collectionPath(where: DatabaseRef, id: string, rest: string = ""): string {
  return databasePath(where, `/collections/${encoded(id)}${rest}`);
}

/** Dots too: `..` would be taken for the parent on the way. */
function encoded(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E");
}

/** The databases of tenants; a tenant that there is not has none. */
export async function listDatabases(
  server: Server,
  tenants: Iterable<string>,
  signal?: AbortSignal,
): Promise<DatabaseRef[]> {
  const found: DatabaseRef[] = [];
  for (const tenant of new Set(tenants)) {
    const path = `/tenants/${encoded(tenant)}/databases`;
    const databases = await server.ask("GET", path, z.array(namedSchema), { signal });
    found.push(...databases.map(({ name }) => ({ tenant, database: name })));
  }
  return found.sort((a, b) => compareText(a.tenant, b.tenant) || compareText(a.database, b.database));
}

export async function listCollections(server: Server, where: DatabaseRef, signal?: AbortSignal): Promise<Collection[]> {
  const all = await server.ask("GET", databasePath(where, "/collections"), z.array(collectionSchema), { signal });
  return all.sort((a, b) => compareText(a.name, b.name));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Undefined where there is none of that name. */
export async function findCollection(
  server: Server,
  where: DatabaseRef,
  name: string,
  signal?: AbortSignal,
): Promise<Collection | undefined> {
  try {
    return await server.ask("GET", collectionPath(where, name), collectionSchema, { signal });
  } catch (error) {
    if (isBackupError(error) && error.reason === "not-found") return undefined;
    throw error;
  }
}

export async function createCollection(
  server: Server,
  where: DatabaseRef,
  description: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<Collection> {
  const body = stringifyExact(description);
  return server.ask("POST", databasePath(where, "/collections"), collectionSchema, { body, signal });
}

export async function renameCollection(server: Server, where: DatabaseRef, id: string, name: string): Promise<void> {
  await server.call("PUT", collectionPath(where, id), { body: JSON.stringify({ new_name: name }) });
}

/** A no-op where it is gone already. */
export async function deleteCollection(server: Server, where: DatabaseRef, name: string): Promise<void> {
  await ignoringAbsence(server.call("DELETE", collectionPath(where, name), { isLong: true }));
}

export async function countRecords(
  server: Server,
  where: DatabaseRef,
  id: string,
  signal?: AbortSignal,
): Promise<number> {
  return server.ask("GET", collectionPath(where, id, "/count"), z.number(), { signal });
}

export async function hasDatabase(server: Server, { tenant, database }: DatabaseRef): Promise<boolean> {
  return (await listDatabases(server, [tenant])).some((found) => found.database === database);
}

/** Makes a database, and its tenant where there is none. */
export async function makeDatabase(server: Server, { tenant, database }: DatabaseRef): Promise<void> {
  await server.call("POST", "/tenants", { body: JSON.stringify({ name: tenant }) }).catch((error: unknown) => {
    if (!isBackupError(error) || error.reason !== "locked") throw error;
  });
  await server.call("POST", `/tenants/${encoded(tenant)}/databases`, { body: JSON.stringify({ name: database }) });
}

export async function deleteDatabase(server: Server, where: DatabaseRef): Promise<void> {
  await ignoringAbsence(server.call("DELETE", databasePath(where), { isLong: true }));
}

async function ignoringAbsence(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isBackupError(error) || error.reason !== "not-found") throw error;
  });
}
