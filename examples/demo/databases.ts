import { faissAdapter, postgresAdapter, qdrantAdapter, redisAdapter } from "@sutazai/backup-sdk";
import {
  emptyFaiss,
  emptyPostgres,
  emptyQdrant,
  emptyRedis,
  fillFaiss,
  fillPostgres,
  fillQdrant,
  fillRedis,
  type ServerKindName,
} from "@sutazai/backup-testkit";
import { questionFaiss } from "./question-faiss.ts";
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
  qdrant: {
    adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password }),
    fill: (server) => fillQdrant(server, { points: 5_000 }),
    question: questionQdrant,
    destroy: emptyQdrant,
    shown: /articles points/,
  },
  faiss: {
    adapter: ({ name }) => faissAdapter({ container: name }),
    fill: (server) => fillFaiss(server, { vectors: 20_000 }),
    question: questionFaiss,
    destroy: emptyFaiss,
    shown: / (articles|products)$/,
  },
};
