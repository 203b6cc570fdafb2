// Much content for each database: texts that hardly compress, with vectors where the kind has them.
import { createHash, randomBytes } from "node:crypto";
import {
  askChromadb,
  askFaiss,
  askQdrant,
  connectNeo4j,
  fillPostgres,
  fillRedis,
  type ServerAddress,
  type ServerKindName,
} from "@sutazai/backup-testkit";
import { questionPostgres } from "../../examples/demo/question-postgres.ts";
import { questionRedis } from "../../examples/demo/question-redis.ts";

export interface Content {
  /** Fills an empty server with about so many megabytes, as a backup holds them uncompressed. */
  readonly fill: (server: ServerAddress, megabytes: number) => Promise<void>;
  /** What the database itself says that it holds: how much in all, and a digest of a sample, vectors and texts. */
  readonly ask: (server: ServerAddress) => Promise<string>;
}

const textBytes = 4_000;
const text = () => randomBytes((textBytes / 4) * 3).toString("base64");
const vector = (size: number) => Array.from(randomBytes(size), (byte) => byte / 128 - 1);

/** Spread over what is filled, whatever its size: those that are not there are answered with nothing. */
const sample = Array.from({ length: 200 }, (_, at) => at * 97);
const query = (nth: number) => Array.from({ length: 256 }, (_, at) => Math.sin(nth + at));

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function sorted(facts: readonly (readonly [name: string, value: string])[]): unknown {
  return facts.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Numbers in batches. */
function* batches(count: number, size: number): Generator<number[]> {
  for (let first = 0; first < count; first += size) {
    yield Array.from({ length: Math.min(size, count - first) }, (_, at) => first + at);
  }
}

export const contents: Readonly<Record<ServerKindName, Content>> = {
  postgres: {
    fill: (server, megabytes) => fillPostgres(server, { scale: megabytes / 6.5 }),
    ask: async (server) => JSON.stringify(sorted(await questionPostgres(server))),
  },
  redis: {
    fill: (server, megabytes) => fillRedis(server, { keys: megabytes * 12_000 }),
    ask: async (server) => JSON.stringify(sorted(await questionRedis(server))),
  },
  neo4j: {
    fill: async (server, megabytes) => {
      await using connection = await connectNeo4j(server);
      const write = (query: string, parameters: object = {}) =>
        connection.client.executeQuery(query, parameters, { database: "neo4j" });
      await write("CREATE CONSTRAINT chunk_id FOR (c:Chunk) REQUIRE c.id IS UNIQUE");
      for (const numbers of batches((megabytes * 1e6) / textBytes, 500)) {
        await write(
          "UNWIND $rows AS row CREATE (c:Chunk {id: row.id, text: row.text}) WITH c, row MATCH (p:Chunk {id: row.id - 1}) CREATE (p)-[:NEXT]->(c)",
          { rows: numbers.map((id) => ({ id: BigInt(id), text: text() })) },
        );
      }
    },
    ask: async (server) => {
      await using connection = await connectNeo4j(server);
      const read = async (query: string) => {
        const { records } = await connection.client.executeQuery(
          query,
          { sample: sample.map(BigInt) },
          { database: "neo4j" },
        );
        return records.map((record) => String(record.get("held")));
      };
      const counts = await read(
        "MATCH (c:Chunk) OPTIONAL MATCH (c)-[r:NEXT]->() RETURN count(c) + ' ' + count(r) + ' ' + sum(size(c.text)) AS held",
      );
      const texts = await read("MATCH (c:Chunk) WHERE c.id IN $sample RETURN c.text AS held ORDER BY c.id");
      return `${counts[0]} ${digestOf(texts)}`;
    },
  },
  qdrant: {
    fill: async (server, megabytes) => {
      await askQdrant(server, "PUT", "/collections/chunks", { vectors: { size: 64, distance: "Cosine" } });
      for (const numbers of batches((megabytes * 1e6) / (textBytes + 700), 500)) {
        await askQdrant(server, "PUT", "/collections/chunks/points?wait=true", {
          points: numbers.map((id) => ({ id, vector: vector(64), payload: { text: text() } })),
        });
      }
    },
    ask: async (server) => {
      const points = "/collections/chunks/points";
      const { count } = await askQdrant<{ count: number }>(server, "POST", `${points}/count`, { exact: true });
      const found = await askQdrant<{ id: number }[]>(server, "POST", points, {
        ids: sample,
        with_payload: true,
        with_vector: true,
      });
      return `${count} ${digestOf(found.toSorted((a, b) => a.id - b.id))}`;
    },
  },
  chromadb: {
    fill: async (server, megabytes) => {
      const collections = "/tenants/default_tenant/databases/default_database/collections";
      const { id } = await askChromadb<{ id: string }>(server, "POST", collections, { name: "chunks" });
      // Documents are indexed for search, which takes about four times their size again.
      for (const numbers of batches((megabytes * 1e6) / (5 * textBytes), 200)) {
        await askChromadb(server, "POST", `${collections}/${id}/add`, {
          ids: numbers.map(String),
          embeddings: numbers.map(() => vector(256)),
          documents: numbers.map(text),
        });
      }
    },
    ask: async (server) => {
      const collections = "/tenants/default_tenant/databases/default_database/collections";
      const { id } = await askChromadb<{ id: string }>(server, "GET", `${collections}/chunks`);
      const count = await askChromadb<number>(server, "GET", `${collections}/${id}/count`);
      const found = await askChromadb(server, "POST", `${collections}/${id}/get`, {
        ids: sample.map(String),
        include: ["embeddings", "documents"],
      });
      return `${count} ${digestOf(found)}`;
    },
  },
  faiss: {
    fill: async (server, megabytes) => {
      await askFaiss(server, "PUT", "/indexes/chunks", { dim: 256, factory: "Flat", metric: "ip" });
      for (const numbers of batches((megabytes * 1e6) / 1_024, 5_000)) {
        await askFaiss(server, "POST", "/indexes/chunks/add", {
          ids: numbers.map((number) => `chunk-${number}`),
          vectors: numbers.map(() => vector(256)),
        });
      }
      await askFaiss(server, "POST", "/indexes/chunks/save");
    },
    ask: async (server) => {
      // Not what its class is called: an index that was read from a file is of a more particular one.
      const { chunks } = await askFaiss<{ chunks: { ntotal: number } }>(server, "GET", "/indexes");
      const nearest = await askFaiss(server, "POST", "/indexes/chunks/search", {
        vectors: [1, 2, 3, 4, 5].map(query),
        k: 10,
      });
      return `${chunks.ntotal} ${digestOf(nearest)}`;
    },
  },
};
