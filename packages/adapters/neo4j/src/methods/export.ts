import type { ArtifactSink, Bytes, Fingerprint, OperationContext } from "@sutazai/backup-core";
import type { Node, Relationship } from "neo4j-driver";
import { ExportContent, type ExportLine } from "../content/export-file.ts";
import { nodesQuery, readSchema, relationshipsQuery } from "../content/read-graph.ts";
import { propertiesAsJson } from "../content/values.ts";
import { listDatabases, userDatabases } from "../databases.ts";
import { exportArtifact } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import type { Server } from "../server.ts";
import type { Target } from "../target.ts";
import type { Capture } from "./capture.ts";

const chunkLength = 64 * 1024;

/** Everything that Cypher can read, as JSON lines. Neo4j reads no snapshot: what is written meanwhile may be in it by half. */
export async function captureExport(
  context: OperationContext,
  _target: Target,
  server: Server,
  _options: Neo4jOptions,
  sink: ArtifactSink,
): Promise<Capture> {
  const from = new Date().toISOString();
  const databases = userDatabases(await listDatabases(server)).map(({ name }) => name);
  let fingerprint: Fingerprint = {};
  let isEmpty = true;
  const incomplete = ["nothing restores an export: it is for other programs to read, and no backup to come back from"];
  for (const database of databases) {
    const content = new ExportContent();
    await sink.write(exportArtifact(database), exportOf(context, server, database, content));
    fingerprint = { ...fingerprint, ...content.fingerprint };
    isEmpty &&= content.isEmpty;
    const { dangling } = content.graph;
    if (dangling === null) {
      incomplete.push(
        `whether the relationships of ${database} connect nodes that are in it is not known: it has too many to remember`,
      );
    } else if (dangling > 0) {
      incomplete.push(
        `${dangling} relationships of ${database} connect nodes that were made while it was exported and are not in it`,
      );
    }
  }
  return {
    form: {
      name: "export",
      method: "nodes, relationships, indexes and constraints read by Cypher over Bolt",
      capture: { from, to: new Date().toISOString() },
      pausedMs: 0,
      artifacts: databases.map(exportArtifact),
      fingerprint,
      notCovered: ["one moment: what is written meanwhile may be in it by half", "users, passwords and their rights"],
    },
    details: { databases: databases.map((name) => ({ name, bytes: 0 })) },
    isEmpty,
    incomplete,
    warnings: ["an export is no point in time"],
  };
}

async function* exportOf(
  { progress }: Pick<OperationContext, "progress">,
  server: Server,
  database: string,
  content: ExportContent,
): Bytes {
  let text: string[] = [];
  let length = 0;
  let bytes = 0;
  for await (const line of linesOf(server, database, content)) {
    content.take(line);
    const encoded = JSON.stringify(line);
    text.push(encoded);
    length += encoded.length + 1;
    if (length < chunkLength) continue;
    const chunk = Buffer.from(`${text.join("\n")}\n`);
    yield chunk;
    bytes += chunk.length;
    progress({ step: `exporting ${database}`, bytes });
    text = [];
    length = 0;
  }
  yield Buffer.from(`${text.join("\n")}\n`);
}

async function* linesOf(server: Server, database: string, content: ExportContent): AsyncIterable<ExportLine> {
  yield { export: "neo4j", version: 1, database };
  for (const [schema, statement] of await readSchema(server, database)) yield { schema, statement };
  for await (const { n } of server.stream<{ n: Node<bigint> }>(database, nodesQuery)) {
    yield { node: String(n.identity), labels: [...n.labels].sort(), properties: propertiesAsJson(n.properties) };
  }
  for await (const { r } of server.stream<{ r: Relationship<bigint> }>(database, relationshipsQuery)) {
    yield {
      relationship: r.type,
      start: String(r.start),
      end: String(r.end),
      properties: propertiesAsJson(r.properties),
    };
  }
  const { nodes, relationships, dangling } = content.graph;
  yield { nodes, relationships, dangling };
}
