import neo4j, { type Driver } from "neo4j-driver";
import type { SampleContent } from "./sample-content.ts";
import { connectNeo4j } from "../kinds/neo4j.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { Random } from "../random.ts";

const perBatch = 5_000;

/** One index of every type, and constraints of the types that the community edition has. */
const schema = [
  "CREATE CONSTRAINT document_id FOR (d:Document) REQUIRE d.id IS UNIQUE",
  "CREATE CONSTRAINT cites_key FOR ()-[c:CITES]-() REQUIRE c.key IS UNIQUE",
  "CREATE INDEX document_created FOR (d:Document) ON (d.created, d.rank)",
  "CREATE INDEX cites_weight FOR ()-[c:CITES]-() ON (c.weight)",
  "CREATE TEXT INDEX document_title FOR (d:Document) ON (d.title)",
  "CREATE POINT INDEX place_where FOR (p:Place) ON (p.where)",
  "CREATE FULLTEXT INDEX everything FOR (n:Document|Person) ON EACH [n.title, n.name]",
  "CREATE VECTOR INDEX document_embedding FOR (d:Document) ON (d.embedding) OPTIONS {indexConfig: {`vector.dimensions`: 8, `vector.similarity_function`: 'cosine'}}",
];

/** Every type that a property can have. */
const everyType = `CREATE (:Types:Sample {
  text: 'ünï 数据', empty: '', yes: true, no: false,
  integer: 9007199254740993, smallest: -9223372036854775808, largest: 9223372036854775807,
  float: 0.1, whole: 2.0, tiny: 4.9e-324, nan: 0.0/0.0, infinite: 1.0/0.0, negativeZero: -0.0,
  date: date('2026-11-23'), time: time('12:34:56.123456789+05:45'), localTime: localtime('12:34:56.000000001'),
  dateTime: datetime('2026-10-25T02:30:00.5+01:00[Europe/Berlin]'), offsetDateTime: datetime('2026-11-23T10:11:12-03:30'),
  localDateTime: localdatetime('-0044-03-15T12:00:00'), duration: duration('P1Y2M3DT4H5M6.789S'), backwards: duration('-PT0.5S'),
  point2d: point({x: 1.5, y: -2.5}), point3d: point({x: 1, y: 2, z: 3}),
  place: point({longitude: 13.4, latitude: 52.5}), height: point({longitude: 13.4, latitude: 52.5, height: 34.1}),
  texts: ['a', '', 'ü'], integers: [1, 2, 9007199254740993], floats: [1.0, 0.0/0.0, -0.0], booleans: [true, false], none: [],
  dates: [date('2026-01-01'), date('2026-12-31')], points: [point({x: 0, y: 0}), point({x: 1, y: 1})],
  durations: [duration('P1D'), duration('PT24H')], bytes: $bytes
})-[:SELF {since: date('2020-02-29'), floats: [0.5], bytes: $bytes}]->(:Types {twin: true}), (), (), (:Types {twin: true})`;

/**
 * Fills a server with about as many nodes as asked for and three relationships for each: documents with vectors, people, places, an index of every type,
 * constraints, and every type of property. The same seed gives the same content.
 */
export async function fillNeo4j(
  server: ServerAddress,
  options: { readonly nodes?: number; readonly seed?: number } = {},
): Promise<void> {
  const nodes = options.nodes ?? 2_000;
  const random = new Random(options.seed ?? 1);
  await using connection = await connectNeo4j(server);
  const { client } = connection;
  for (const statement of schema) await client.executeQuery(statement);
  for (let first = 0; first < nodes; first += perBatch) {
    const rows = Array.from({ length: Math.min(perBatch, nodes - first) }, (_, at) => ({
      id: neo4j.int(first + at),
      title: `document ${first + at} ${random.pick(["ünï", "graph", "x".repeat(random.below(60))])}`,
      rank: random.below(1_000) / 7,
      day: neo4j.int(random.below(20_000)),
      embedding: Array.from({ length: 8 }, () => random.below(1e6) / 1e6 - 0.5),
      labels: random.pick([["Draft"], ["Public", "Long label, with ünï"], []]),
    }));
    await client.executeQuery(
      "UNWIND $rows AS row CREATE (d:Document {id: row.id, title: row.title, rank: row.rank, created: date() - duration({days: 0}), embedding: row.embedding}) SET d.created = date('1970-01-01') + duration({days: row.day}) SET d:$(row.labels)",
      { rows },
    );
    const cites = Array.from({ length: rows.length * 3 }, (_, at) => ({
      key: neo4j.int(first * 3 + at),
      from: neo4j.int(first + random.below(rows.length)),
      to: neo4j.int(random.below(first + rows.length)),
      weight: random.below(1_000) / 3,
    }));
    await client.executeQuery(
      "UNWIND $cites AS c MATCH (a:Document {id: c.from}), (b:Document {id: c.to}) CREATE (a)-[:CITES {key: c.key, weight: c.weight}]->(b)",
      { cites },
    );
  }
  await client.executeQuery(
    "UNWIND range(1, 50) AS n CREATE (p:Person {name: 'Person ' + n})-[:LIVES_IN {since: date('2000-01-01') + duration({days: n})}]->(:Place {where: point({longitude: n, latitude: n / 2.0})})",
  );
  await client.executeQuery(everyType, { bytes: new Int8Array([0, 1, -1, 127, -128]) });
  await settled(client);
}

/** Names that break what quotes carelessly: of labels, types, properties, indexes; a graph of knots. */
export async function fillHostileNeo4j(server: ServerAddress): Promise<void> {
  await using connection = await connectNeo4j(server);
  const { client } = connection;
  const names = [
    " ",
    "two words",
    "line\nbreak\r\n",
    "back`tick``s",
    `it's "quoted" $(reboot) \`reboot\``,
    "ünï-数据-🙂",
    "../../etc/passwd",
    "a/b\\c",
    "constructor",
    "toString",
    "1",
    "x".repeat(500),
    "\t{}[]();//--",
  ];
  for (const [at, name] of names.entries()) {
    const quoted = `\`${name.replaceAll("`", "``")}\``;
    await client.executeQuery(
      `CREATE (a:${quoted} {${quoted}: $name})-[:${quoted} {${quoted}: $name}]->(a)-[:${quoted}]->(:${quoted}:Other), (a)-[:${quoted}]->(a)`,
      { name },
    );
    if (at % 3 === 0 && !name.includes("\n")) {
      await client.executeQuery(
        `CREATE INDEX \`index ${at} ${name.slice(0, 40).replaceAll("`", "``")}\` FOR (n:${quoted}) ON (n.${quoted})`,
      );
    }
  }
  await client.executeQuery("CREATE (n:Long {text: $text, list: $list})", {
    text: "long ".repeat(50_000),
    list: Array.from({ length: 5_000 }, (_, at) => at / 3),
  });
  await settled(client);
}

/** Changes the sample content everywhere a restore has to put it back. */
export async function changeNeo4j(server: ServerAddress): Promise<void> {
  await using connection = await connectNeo4j(server);
  const { client } = connection;
  await client.executeQuery("MATCH (d:Document) WHERE d.id < 10 SET d.title = 'changed', d:Changed");
  await client.executeQuery("MATCH (:Person)-[l:LIVES_IN]->() DELETE l");
  await client.executeQuery("MATCH (t:Types) DETACH DELETE t");
  await client.executeQuery("CREATE (:MadeSince {n: 1})-[:NEW]->(:MadeSince {n: 2})");
  await client.executeQuery("DROP INDEX document_title IF EXISTS");
  await client.executeQuery("CREATE INDEX made_since IF NOT EXISTS FOR (m:MadeSince) ON (m.n)");
}

/** A small write of a pair that must stay a pair; rejects where writers are kept out. */
export async function writeNeo4j(server: ServerAddress): Promise<void> {
  await using connection = await connectNeo4j(server);
  await connection.client.executeQuery("CREATE (:A {at: timestamp()})-[:PAIR]->(:B)");
}

/** Removes every node, index and constraint but those that every database begins with. */
export async function emptyNeo4j(server: ServerAddress): Promise<void> {
  await using connection = await connectNeo4j(server);
  const { client } = connection;
  const session = client.session();
  try {
    await session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS");
  } finally {
    await session.close();
  }
  const constraints = await client.executeQuery("SHOW CONSTRAINTS YIELD name RETURN name");
  for (const record of constraints.records) await client.executeQuery(`DROP CONSTRAINT ${quote(record.get("name"))}`);
  const indexes = await client.executeQuery("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name");
  for (const record of indexes.records) await client.executeQuery(`DROP INDEX ${quote(record.get("name"))}`);
}

/** The sample content for the conformance suite. */
export function neo4jContent(options: { readonly nodes?: number; readonly seed?: number } = {}): SampleContent {
  return {
    fill: (server) => fillNeo4j(server, options),
    fillHostile: fillHostileNeo4j,
    change: changeNeo4j,
    write: writeNeo4j,
    empty: emptyNeo4j,
    settings: settingsOfNeo4j,
  };
}

async function settingsOfNeo4j(server: ServerAddress): Promise<Record<string, string>> {
  await using connection = await connectNeo4j(server);
  const { records } = await connection.client.executeQuery(
    "SHOW SETTINGS YIELD name, value RETURN name, value",
    {},
    { database: "system" },
  );
  return Object.fromEntries(records.map((record) => [String(record.get("name")), String(record.get("value"))]));
}

/** Indexes are built in the background. */
async function settled(client: Driver): Promise<void> {
  await client.executeQuery("CALL db.awaitIndexes(300)");
}

function quote(name: unknown): string {
  return `\`${String(name).replaceAll("`", "``")}\``;
}
