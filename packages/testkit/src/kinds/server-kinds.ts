import { chromadbKind } from "./chromadb.ts";
import { faissKind } from "./faiss.ts";
import { neo4jKind } from "./neo4j.ts";
import { postgresKind } from "./postgres.ts";
import { qdrantKind } from "./qdrant.ts";
import { redisKind } from "./redis.ts";
import type { ServerKind } from "./server-kind.ts";

export type ServerKindName = "postgres" | "redis" | "neo4j" | "qdrant" | "chromadb" | "faiss";

/** The servers that tests can start. Images are chosen here and nowhere else. */
export const serverKinds: Readonly<Record<ServerKindName, ServerKind>> = {
  postgres: postgresKind,
  redis: redisKind,
  neo4j: neo4jKind,
  qdrant: qdrantKind,
  chromadb: chromadbKind,
  faiss: faissKind,
};
