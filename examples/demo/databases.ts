import {
  chromadbAdapter,
  faissAdapter,
  neo4jAdapter,
  postgresAdapter,
  qdrantAdapter,
  redisAdapter,
} from "@sutazai/backup-sdk";
import {
  emptyChromadb,
  emptyFaiss,
  emptyNeo4j,
  emptyPostgres,
  emptyQdrant,
  emptyRedis,
  fillChromadb,
  fillFaiss,
  fillNeo4j,
  fillPostgres,
  fillQdrant,
  fillRedis,
  type ServerKindName,
} from "@sutazai/backup-testkit";
import { questionChromadb } from "./question-chromadb.ts";
import { questionFaiss } from "./question-faiss.ts";
import { questionNeo4j } from "./question-neo4j.ts";
import { questionPostgres } from "./question-postgres.ts";
import { questionQdrant } from "./question-qdrant.ts";
import { questionRedis } from "./question-redis.ts";
import type { DemoDatabase } from "./database.ts";

export const demoDatabases: Readonly<Record<ServerKindName, DemoDatabase>> = {
  postgres: {
    adapter: ({ name, user, password }) => postgresAdapter({ container: name, user, password }),
    fill: (server) => fillPostgres(server, { scale: 5 }),
    question: questionPostgres,
    destroy: emptyPostgres,
    shown: /users|messages/,
  },
  redis: {
    options: { arguments: ["--appendonly", "yes"] },
    adapter: ({ name, password }) => redisAdapter({ container: name, password }),
    fill: (server) => fillRedis(server, { keys: 100_000 }),
    question: questionRedis,
    destroy: emptyRedis,
    shown: /database 0/,
  },
  neo4j: {
    adapter: ({ name, password }) => neo4jAdapter({ container: name, password }),
    fill: (server) => fillNeo4j(server, { nodes: 5_000 }),
    question: questionNeo4j,
    destroy: emptyNeo4j,
    shown: /relationships by type/,
  },
  qdrant: {
    adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password }),
    fill: (server) => fillQdrant(server, { points: 5_000 }),
    question: questionQdrant,
    destroy: emptyQdrant,
    shown: /articles points/,
  },
  chromadb: {
    adapter: ({ name }) => chromadbAdapter({ container: name }),
    fill: (server) => fillChromadb(server, { records: 5_000 }),
    question: questionChromadb,
    destroy: emptyChromadb,
    shown: /search articles/,
  },
  faiss: {
    adapter: ({ name }) => faissAdapter({ container: name }),
    fill: (server) => fillFaiss(server, { vectors: 20_000 }),
    question: questionFaiss,
    destroy: emptyFaiss,
    shown: / (articles|products)$/,
  },
};
