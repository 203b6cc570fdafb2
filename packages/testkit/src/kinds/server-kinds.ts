import { faissKind } from "./faiss.ts";
import { postgresKind } from "./postgres.ts";
import { qdrantKind } from "./qdrant.ts";
import { redisKind } from "./redis.ts";
import type { ServerKind } from "./server-kind.ts";

export type ServerKindName = "postgres" | "redis" | "qdrant" | "faiss";

/** The servers that tests can start. Images are chosen here and nowhere else. */
export const serverKinds: Readonly<Record<ServerKindName, ServerKind>> = {
  postgres: postgresKind,
  redis: redisKind,
  qdrant: qdrantKind,
  faiss: faissKind,
};
