import type { DatabaseAdapter, DatabaseKind } from "@sutazai/backup-core";
import { chromadbAdapter, chromadbOptionsSchema, type ChromadbOptions } from "@sutazai/backup-chromadb";
import { faissAdapter, faissOptionsSchema, type FaissOptions } from "@sutazai/backup-faiss";
import { neo4jAdapter, neo4jOptionsSchema, type Neo4jOptions } from "@sutazai/backup-neo4j";
import { postgresAdapter, postgresOptionsSchema, type PostgresOptions } from "@sutazai/backup-postgres";
import { qdrantAdapter, qdrantOptionsSchema, type QdrantOptions } from "@sutazai/backup-qdrant";
import { redisAdapter, redisOptionsSchema, type RedisOptions } from "@sutazai/backup-redis";
import type { z } from "zod";

/** What the composition root knows of one kind: data, so that discovery, configuration and its table need no branches. */
export interface AdapterModule {
  readonly kind: DatabaseKind;
  /** The options as a configuration gives them, after secrets were wrapped. */
  readonly optionsSchema: z.ZodType;
  /** Options that are secrets: wrapped when read, redacted when shown, and each with a `…File` form. */
  readonly secrets: readonly string[];
  /** Options that say who enters, and the environment variables and options of a container by which it tells that itself. */
  readonly credentials?: { readonly options: readonly string[]; readonly toldBy: RegExp };
  /** A repository name by which an image makes its container a candidate. */
  readonly image: RegExp;
  /** Takes options that the schema has passed. */
  create(options: never): DatabaseAdapter;
}

export const adapterModules: Readonly<Partial<Record<DatabaseKind, AdapterModule>>> = {
  postgres: {
    kind: "postgres",
    optionsSchema: postgresOptionsSchema,
    secrets: ["password"],
    credentials: { options: ["user", "password"], toldBy: /^POSTGRES_PASSWORD(_FILE)?$/ },
    image: /(^|\/)(postgres|postgresql|pgvector|timescaledb|postgis)(-local)?(:|@|$)/,
    create: (options: PostgresOptions) => postgresAdapter(options),
  },
  redis: {
    kind: "redis",
    optionsSchema: redisOptionsSchema,
    secrets: ["password"],
    credentials: { options: ["username", "password"], toldBy: /^(REDIS_PASSWORD|VALKEY_PASSWORD|--requirepass)$/ },
    image: /(^|\/)(redis|valkey|redis-stack|redis-stack-server)(-local)?(:|@|$)/,
    create: (options: RedisOptions) => redisAdapter(options),
  },
  neo4j: {
    kind: "neo4j",
    optionsSchema: neo4jOptionsSchema,
    secrets: ["password"],
    credentials: { options: ["user", "password"], toldBy: /^NEO4J_AUTH(_FILE)?$/ },
    image: /(^|\/)neo4j(-local)?(:|@|$)/,
    create: (options: Neo4jOptions) => neo4jAdapter(options),
  },
  qdrant: {
    kind: "qdrant",
    optionsSchema: qdrantOptionsSchema,
    secrets: ["apiKey"],
    credentials: { options: ["apiKey"], toldBy: /^QDRANT__SERVICE__API_KEY$/ },
    image: /(^|\/)qdrant(-local)?(:|@|$)/,
    create: (options: QdrantOptions) => qdrantAdapter(options),
  },
  chromadb: {
    kind: "chromadb",
    optionsSchema: chromadbOptionsSchema,
    secrets: ["token", "password"],
    // The server asks for nothing; a proxy before it does, and it is not part of the container.
    credentials: {
      options: ["token", "tokenHeader", "user", "password"],
      toldBy: /^CHROMA_SERVER_AUTHN_CREDENTIALS(_FILE)?$/,
    },
    image: /(^|\/)(chroma|chromadb)(-local)?(:|@|$)/,
    create: (options: ChromadbOptions) => chromadbAdapter(options),
  },
  faiss: {
    kind: "faiss",
    optionsSchema: faissOptionsSchema,
    secrets: [],
    image: /(^|\/)[\w.-]*faiss[\w.-]*(:|@|$)/,
    create: (options: FaissOptions) => faissAdapter(options),
  },
};

/** The kinds this version can back up. */
export const supportedKinds: readonly DatabaseKind[] = Object.values(adapterModules).map(({ kind }) => kind);

/** The module of a kind, if this version has one. */
export function moduleOf(kind: string): AdapterModule | undefined {
  return (adapterModules as Readonly<Record<string, AdapterModule>>)[kind];
}
