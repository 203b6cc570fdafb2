import {
  changeChromadb,
  changeFaiss,
  changeNeo4j,
  changePostgres,
  changeQdrant,
  changeRedis,
  fillChromadb,
  fillFaiss,
  fillNeo4j,
  fillPostgres,
  fillQdrant,
  fillRedis,
  writeChromadb,
  writeFaiss,
  writeNeo4j,
  writePostgres,
  writeQdrant,
  writeRedis,
  type ServerKindName,
  type TestServer,
} from "@sutazai/backup-testkit";

interface Content {
  readonly fill: (server: TestServer) => Promise<void>;
  /** Into something else, as users would. */
  readonly change: (server: TestServer) => Promise<void>;
  /** One small write; rejects where writers are kept out. */
  readonly write: (server: TestServer) => Promise<void>;
  /** What of the witness a restore leaves alone, as the backup does not have it, and cannot be asked to remove. */
  readonly others?: RegExp;
  /** What of the witness is not the same each time the server has been started. */
  readonly varies?: RegExp;
}

/** Little of everything: what a fault comes to does not depend on how much there is. */
export const content: Readonly<Record<ServerKindName, Content>> = {
  postgres: {
    fill: (server) => fillPostgres(server, { scale: 0.2 }),
    change: changePostgres,
    write: writePostgres,
    others: /^postgres made_since_then /,
  },
  redis: { fill: (server) => fillRedis(server, { keys: 2000 }), change: changeRedis, write: writeRedis },
  neo4j: { fill: (server) => fillNeo4j(server, { nodes: 200 }), change: changeNeo4j, write: writeNeo4j },
  qdrant: { fill: (server) => fillQdrant(server, { points: 100 }), change: changeQdrant, write: writeQdrant },
  chromadb: {
    fill: (server) => fillChromadb(server, { records: 100 }),
    change: changeChromadb,
    write: writeChromadb,
    // It searches approximately, in an index that it builds anew at a start, in several threads.
    varies: / neighbours$/,
  },
  faiss: { fill: (server) => fillFaiss(server, { vectors: 500 }), change: changeFaiss, write: writeFaiss },
};
