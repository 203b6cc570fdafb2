import type { Fingerprint } from "@sutazai/backup-core";
import type { Node, Relationship } from "neo4j-driver";
import type { Server } from "../server.ts";
import { GraphContent, schemaFacts } from "./graph.ts";
import { propertiesAsJson } from "./values.ts";

export const nodesQuery = "MATCH (n) RETURN n";
export const relationshipsQuery = "MATCH ()-[r]->() RETURN r";

export interface Graph {
  readonly content: GraphContent;
  readonly fingerprint: Fingerprint;
  /** No node, and no index or constraint but those that every database begins with. */
  readonly isEmpty: boolean;
}

/** Reads a database's whole graph over Bolt, record by record. Exact only where nobody writes meanwhile. */
export async function readGraph(server: Server, database: string): Promise<Graph> {
  const content = new GraphContent();
  await server.each(database, nodesQuery, (row) => {
    const { identity, labels, properties } = row.get(0) as Node<bigint>;
    content.addNode(identity, labels, propertiesAsJson(properties));
  });
  await server.each(database, relationshipsQuery, (row) => {
    const { type, properties, start, end } = row.get(0) as Relationship<bigint>;
    content.addRelationship(type, propertiesAsJson(properties), start, end);
  });
  const prefix = `database:${database}`;
  const schema = await readSchema(server, database);
  return {
    content,
    fingerprint: { ...content.facts(prefix), ...schemaFacts(prefix, schema) },
    isEmpty: content.nodes === 0 && [...schema.values()].every((statement) => statement.startsWith("CREATE LOOKUP")),
  };
}

/** Constraints and indexes by name, as the statements that make them. An index that a constraint owns comes with it. */
export async function readSchema(server: Server, database: string): Promise<Map<string, string>> {
  type Row = { readonly name: string; readonly createStatement: string };
  const constraints = await server.rows<Row>(
    database,
    "SHOW CONSTRAINTS YIELD name, createStatement RETURN name, createStatement",
  );
  const indexes = await server.rows<Row>(
    database,
    "SHOW INDEXES YIELD name, createStatement, owningConstraint WHERE owningConstraint IS NULL RETURN name, createStatement",
  );
  return new Map(
    [...constraints, ...indexes]
      .map(({ name, createStatement }): [string, string] => [name, createStatement])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
