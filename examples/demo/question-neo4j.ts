import { connectNeo4j, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";

const questions: Readonly<Record<string, string>> = {
  "nodes by labels": "MATCH (n) RETURN labels(n) AS what, count(n) AS many",
  "relationships by type": "MATCH ()-[r]->() RETURN type(r) AS what, count(r) AS many",
  properties: "MATCH (n) UNWIND keys(n) AS what RETURN what, count(*) AS many",
  "titles of documents": "MATCH (d:Document) WITH d ORDER BY d.id LIMIT 50 RETURN d.id AS what, d.title AS many",
  indexes: "SHOW INDEXES YIELD name, type, state RETURN name AS what, type + ' ' + state AS many",
  constraints: "SHOW CONSTRAINTS YIELD name, type RETURN name AS what, type AS many",
};

/** Counts of everything by label, type and property, some of the content, the indexes and constraints. */
export async function questionNeo4j(server: ServerAddress): Promise<DemoFact[]> {
  await using connection = await connectNeo4j(server);
  const facts: DemoFact[] = [];
  for (const [name, query] of Object.entries(questions)) {
    const { records } = await connection.client.executeQuery(query, {}, { database: "neo4j" });
    const lines = records.map((record) => `${String(record.get("what"))}: ${String(record.get("many"))}`);
    facts.push([name, lines.sort().join("; ")]);
  }
  return facts;
}
