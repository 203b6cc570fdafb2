import type { Fingerprint } from "@sutazai/backup-core";
import type { DatabaseSync } from "node:sqlite";
import type { DatabaseRef } from "../collections.ts";
import { collectionFact, configurationFacts, ContentDigest, databaseFact } from "../facts.ts";
import { parseExact, Real } from "../json.ts";
import { spaceOf } from "../space.ts";
import { damaged } from "./damaged.ts";
import { asDamage, openDatabaseFile } from "./database-file.ts";
import type { Extracted } from "./extract.ts";
import { applyQueue, readMetadata } from "./metadata.ts";
import { readMaxSeqIds } from "./queue.ts";
import { readVectors } from "./vectors.ts";

/** A collection in a copy of the data directory. */
export interface DataCollection extends DatabaseRef {
  readonly name: string;
  readonly isCosine: boolean;
  readonly records: number;
}

export interface DataContent {
  readonly fingerprint: Fingerprint;
  readonly collections: readonly DataCollection[];
  readonly databases: readonly DatabaseRef[];
  readonly tenants: readonly string[];
  /** Of the very files. */
  readonly entries: string;
}

/**
 * What the server will have once it runs on this copy: SQLite and the saved vectors, and upon both what is still queued. Throws `corrupt` where they
 * do not agree.
 */
export async function readContent(extracted: Extracted): Promise<DataContent> {
  const database = await openDatabaseFile(extracted);
  try {
    database.exec("BEGIN");
    const databases = rows(
      database,
      "SELECT tenant_id AS tenant, name AS database FROM databases",
    ) as unknown as DatabaseRef[];
    const tenants = tenantsIn(database);
    const facts: Record<string, Fingerprint[string]> = {};
    const collections: DataCollection[] = [];
    for (const where of databases) facts[databaseFact(where)] = { exact: true };
    for (const row of rows(database, collectionsQuery)) {
      const described = describe(row);
      const found = await readCollection(database, extracted, described);
      Object.assign(facts, found.facts);
      collections.push({
        ...described.where,
        name: described.name,
        isCosine: described.isCosine,
        records: found.records,
      });
    }
    return { fingerprint: facts, collections, databases, tenants, entries: extracted.entries };
  } catch (error) {
    throw asDamage(error);
  } finally {
    database.close();
  }
}

/** The tenants alone. One that was never made may have databases all the same. */
export async function readTenants(extracted: Extracted): Promise<string[]> {
  const database = await openDatabaseFile(extracted);
  try {
    return tenantsIn(database);
  } catch (error) {
    throw asDamage(error);
  } finally {
    database.close();
  }
}

function tenantsIn(database: DatabaseSync): string[] {
  const found = rows(database, "SELECT id FROM tenants UNION SELECT tenant_id FROM databases");
  return found.map((row) => String(row["id"]));
}

const collectionsQuery = `SELECT c.*, d.name AS database_name, d.tenant_id,
  (SELECT str_value FROM collection_metadata m WHERE m.collection_id = c.id AND m.key = 'hnsw:space') AS legacy_space
  FROM collections c
  LEFT JOIN databases d ON d.id = c.database_id ORDER BY c.id`;

type Row = Readonly<Record<string, unknown>>;

function rows(database: DatabaseSync, query: string, ...values: string[]): Row[] {
  const select = database.prepare(query);
  select.setReadBigInts(true);
  return select.all(...values);
}

interface Described {
  readonly id: string;
  readonly name: string;
  readonly where: DatabaseRef;
  readonly configuration: unknown;
  readonly schema: unknown;
  readonly isCosine: boolean;
}

function describe({ id, name, tenant_id, database_name, config_json_str, schema_str, legacy_space }: Row): Described {
  if (typeof id !== "string" || typeof name !== "string" || typeof database_name !== "string") {
    throw damaged("a collection belongs to no database");
  }
  const configuration = parsed(config_json_str, name);
  const schema = parsed(schema_str, name);
  return {
    id,
    name,
    where: { tenant: String(tenant_id), database: database_name },
    configuration,
    schema,
    isCosine: spaceOf(schema, configuration, legacy_space) === "cosine",
  };
}

function parsed(text: unknown, name: string): unknown {
  if (typeof text !== "string" || text === "") return null;
  try {
    return parseExact(text);
  } catch {
    throw damaged(`the configuration of collection ${JSON.stringify(name)} is no JSON`);
  }
}

async function readCollection(
  database: DatabaseSync,
  extracted: Extracted,
  { id, name, where, configuration, schema, isCosine }: Described,
): Promise<{ facts: Fingerprint; records: number }> {
  const segments = rows(database, "SELECT id, scope FROM segments WHERE collection = ?", id);
  const segment = (scope: string): string => {
    const found = segments.find((row) => row["scope"] === scope)?.["id"];
    if (typeof found === "string" && /^[0-9a-f-]{36}$/.test(found)) return found;
    throw damaged(`collection ${JSON.stringify(name)} has no segment of scope ${scope}`);
  };
  const [forMetadata, forVectors] = [segment("METADATA"), segment("VECTOR")];
  const known = readMaxSeqIds(database);
  applyQueue(database, id, forMetadata, known.get(forMetadata));

  const digest = new ContentDigest(isCosine);
  const recordIds = new ContentDigest(false);
  const vectorIds = new ContentDigest(false);
  for (const record of readMetadata(database, forMetadata)) {
    digest.addContent(record.id, record.document, record.metadata, record.uri);
    recordIds.addContent(record.id, null, null, null);
  }
  const vectors = { collection: id, segment: forVectors, isCosine, savedUpTo: known.get(forVectors) };
  for await (const [recordId, vector] of readVectors(database, extracted, vectors)) {
    digest.addVector(recordId, vector);
    vectorIds.addContent(recordId, null, null, null);
  }
  const ids = (of: ContentDigest) => JSON.stringify(of.facts("")["/content"]);
  if (ids(recordIds) !== ids(vectorIds)) {
    throw damaged(
      `collection ${JSON.stringify(name)} has ${recordIds.count} records and ${vectorIds.count} vectors, saved and queued, or they belong to different ids`,
    );
  }
  const prefix = collectionFact(where, name);
  const metadata = collectionMetadata(rows(database, "SELECT * FROM collection_metadata WHERE collection_id = ?", id));
  return {
    records: digest.count,
    facts: {
      ...digest.facts(prefix),
      ...configurationFacts(prefix, { configuration, schema, metadata }),
      [`${prefix}/id`]: { exact: id },
    },
  };
}

function collectionMetadata(found: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(
    found.map(({ key, str_value, int_value, float_value, bool_value }) => [
      String(key),
      str_value ??
        (bool_value === null || bool_value === undefined ? undefined : Number(bool_value) === 1) ??
        int_value ??
        new Real(Number(float_value)),
    ]),
  );
}
