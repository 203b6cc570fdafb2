import { isBackupError, recordOf } from "@sutazai/backup-core";
import { z } from "zod";
import { collectionPath, type Server } from "./server.ts";

/** How a collection is made up, as the server tells it. */
export interface CollectionInfo {
  /** `green` when all is indexed, `yellow` while it is, `grey` when it could be, `red` when the server cannot. */
  readonly status: string;
  readonly optimizer_status: unknown;
  readonly config: CollectionConfig;
  /** By field. */
  readonly payload_schema: Readonly<Record<string, PayloadIndex>>;
}

export interface CollectionConfig {
  readonly params: Readonly<Record<string, unknown>>;
  readonly [section: string]: unknown;
}

export interface PayloadIndex {
  readonly data_type: string;
  readonly params?: unknown;
}

/** Collections by alias. */
export type Aliases = Readonly<Record<string, string>>;

export const configSchema: z.ZodType<CollectionConfig> = z.looseObject({ params: z.record(z.string(), z.unknown()) });

/** What else the server says of an index (how many points have it) is left out. */
export const payloadSchema: z.ZodType<Readonly<Record<string, PayloadIndex>>> = recordOf(
  z.object({ data_type: z.string(), params: z.unknown().optional() }),
).transform((fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([field, { data_type, params }]) => [
      field,
      { data_type, ...(params !== undefined && { params }) },
    ]),
  ),
);

const infoSchema: z.ZodType<CollectionInfo> = z.looseObject({
  status: z.string(),
  optimizer_status: z.unknown(),
  config: configSchema,
  payload_schema: payloadSchema,
});

const listSchema = z.looseObject({ collections: z.array(z.looseObject({ name: z.string() })) });
const aliasesSchema = z.looseObject({
  aliases: z.array(z.looseObject({ alias_name: z.string(), collection_name: z.string() })),
});

export async function listCollections(server: Server, signal?: AbortSignal): Promise<string[]> {
  const { collections } = await server.ask("GET", "/collections", listSchema, { signal });
  return collections.map(({ name }) => name).sort();
}

export async function readAliases(server: Server, signal?: AbortSignal): Promise<Aliases> {
  const { aliases } = await server.ask("GET", "/aliases", aliasesSchema, { signal });
  return Object.fromEntries(aliases.map(({ alias_name, collection_name }) => [alias_name, collection_name]));
}

export async function readInfo(server: Server, name: string, signal?: AbortSignal): Promise<CollectionInfo> {
  return server.ask("GET", collectionPath(name), infoSchema, { signal });
}

/** Undefined where there is no such collection. An alias is none. */
export async function findInfo(
  server: Server,
  name: string,
  signal?: AbortSignal,
): Promise<CollectionInfo | undefined> {
  return (await listCollections(server, signal)).includes(name) ? readInfo(server, name, signal) : undefined;
}

/** Shards and their keys. */
export async function readShards(server: Server, name: string, signal?: AbortSignal): Promise<unknown> {
  return server.ask("GET", collectionPath(name, "/cluster"), z.unknown(), { signal });
}

export async function countPoints(server: Server, name: string, signal?: AbortSignal): Promise<number> {
  const path = collectionPath(name, "/points/count");
  // The server counts every point: as long as that takes.
  const options = { body: { exact: true }, signal, isLong: true };
  return (await server.ask("POST", path, z.looseObject({ count: z.number() }), options)).count;
}

/** Makes an empty collection from what `readInfo` tells of another. */
export async function createCollection(
  server: Server,
  name: string,
  config: CollectionConfig,
  signal?: AbortSignal,
): Promise<void> {
  const { params, optimizer_config: optimizers_config, uuid: _, ...rest } = config;
  await server.ask("PUT", collectionPath(name), z.literal(true), {
    body: { ...params, ...rest, optimizers_config },
    signal,
    isLong: true,
  });
}

export async function deleteCollection(server: Server, name: string, signal?: AbortSignal): Promise<void> {
  await server.ask("DELETE", collectionPath(name), z.boolean(), { signal, isLong: true });
}

/** Makes the payload indexes of a collection those given. */
export async function setPayloadIndexes(
  server: Server,
  name: string,
  wanted: CollectionInfo["payload_schema"],
  signal?: AbortSignal,
): Promise<void> {
  const { payload_schema: present } = await readInfo(server, name, signal);
  for (const field of Object.keys(present)) {
    if (JSON.stringify(indexSchema(present[field])) === JSON.stringify(indexSchema(wanted[field]))) continue;
    const path = collectionPath(name, `/index/${encodeURIComponent(field).replaceAll(".", "%2E")}?wait=true`);
    await server.ask("DELETE", path, z.unknown(), { signal, isLong: true });
  }
  for (const [field, index] of Object.entries(wanted)) {
    if (JSON.stringify(indexSchema(present[field])) === JSON.stringify(indexSchema(index))) continue;
    const body = { field_name: field, field_schema: indexSchema(index) };
    await server.ask("PUT", collectionPath(name, "/index?wait=true"), z.unknown(), { body, signal, isLong: true });
  }
}

function indexSchema(index: PayloadIndex | undefined): unknown {
  return index?.params ?? index?.data_type;
}

/** Makes the aliases of the server those given, in one step. */
export async function setAliases(server: Server, wanted: Aliases, signal?: AbortSignal): Promise<void> {
  const present = await readAliases(server, signal);
  const actions = [
    ...Object.keys(present)
      .filter((alias) => wanted[alias] !== present[alias])
      .map((alias_name) => ({ delete_alias: { alias_name } })),
    ...Object.entries(wanted)
      .filter(([alias, collection]) => present[alias] !== collection)
      .map(([alias_name, collection_name]) => ({ create_alias: { alias_name, collection_name } })),
  ];
  if (actions.length === 0) return;
  await server.ask("POST", "/collections/aliases", z.literal(true), { body: { actions }, signal });
}

/** Runs `work` on a collection; undefined where it fails because the collection is no longer there. */
export async function unlessDropped<Result>(
  server: Server,
  name: string,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isBackupError(error) || error.reason !== "not-found") throw error;
    if ((await listCollections(server)).includes(name)) throw error;
    return undefined;
  }
}
