import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type {
  ArtifactSink,
  BackupFacts,
  Bytes,
  DatabaseAdapter,
  DatabaseKind,
  Fingerprint,
  InspectionContext,
  Json,
  OperationContext,
  RestoreFacts,
} from "@sutazai/backup-core";
import { faissAdapter } from "@sutazai/backup-faiss";
import { writeTar } from "@sutazai/backup-formats";
import { postgresAdapter } from "@sutazai/backup-postgres";
import { qdrantAdapter } from "@sutazai/backup-qdrant";
import { redisAdapter } from "@sutazai/backup-redis";
import { restOf, sampleDump } from "../../adapters/postgres/test/dump/sample.ts";

/** A database whose backups hold bytes of a real one's format, inspected by its real adapter. Notes when a restore touches it. */
export class StoredSample implements DatabaseAdapter {
  readonly kind: DatabaseKind;
  readonly name: string;
  readonly capabilities = {
    forms: [{ name: "sample", pointInTime: true, byDefault: true }],
    restoreMethods: [{ name: "replace", restarts: false, fence: "read-only" }],
    restoresPart: false,
  } as const;
  /** What was called of what would change a database, or needs one. */
  readonly touched: string[] = [];
  readonly artifacts: Readonly<Record<string, Buffer>>;
  readonly details: Json;
  readonly #reader: DatabaseAdapter;

  constructor(reader: DatabaseAdapter, artifacts: Readonly<Record<string, Buffer>>, details: Json) {
    this.kind = reader.kind;
    this.name = `sample-${reader.kind}`;
    this.artifacts = artifacts;
    this.details = details;
    this.#reader = reader;
  }

  async probe() {
    this.touched.push("probe");
    const resource = `sample://${this.name}`;
    return { version: "1", resource, container: undefined, sizeEstimate: undefined, warnings: [] };
  }

  async backup({ signal }: OperationContext, sink: ArtifactSink): Promise<BackupFacts> {
    for (const [name, content] of Object.entries(this.artifacts)) await sink.write(name, bytesOf(content));
    const now = new Date().toISOString();
    const form = {
      name: "sample",
      method: "copy",
      capture: { from: now, to: now },
      pausedMs: 0,
      artifacts: Object.keys(this.artifacts),
      fingerprint: await this.facts(signal),
      notCovered: [],
    };
    return { serverVersion: "1", forms: [form], incomplete: [], warnings: [], empty: false, details: this.details };
  }

  /** Of every artifact together, as they tell them themselves. */
  async facts(signal: AbortSignal): Promise<Fingerprint> {
    const facts: Record<string, Fingerprint[string]> = {};
    for (const [name, content] of Object.entries(this.artifacts)) {
      const context = { details: this.details, signal };
      Object.assign(facts, (await this.inspectArtifact(name, bytesOf(content), context)).facts);
    }
    return facts;
  }

  inspectArtifact(name: string, content: Bytes, context: InspectionContext) {
    return this.#reader.inspectArtifact(name, content, context);
  }

  async planRestore() {
    this.touched.push("plan");
    return { steps: [], warnings: [] };
  }

  async fence(): Promise<void> {
    this.touched.push("fence");
  }

  async restore(): Promise<RestoreFacts> {
    this.touched.push("restore");
    return { fingerprint: {}, expected: {}, evidence: [], warnings: [] };
  }

  async fingerprint(): Promise<Fingerprint> {
    return this.facts(new AbortController().signal);
  }

  async recover(): Promise<void> {}
}

/** One of each kind whose format has a small sample. */
export async function storedSamples(): Promise<StoredSample[]> {
  const rdb = readFileSync(new URL("../../adapters/redis/test/fixtures/compact.rdb", import.meta.url));
  const dump = Buffer.from(sampleDump);
  const globals = Buffer.from(
    '--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE "app";\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n',
  );
  const snapshot = readFileSync(new URL("../../../tests/fixtures/qdrant/bodies/products.snapshot", import.meta.url));
  const head = '{"collection":"a","version":"1.19.0","config":{"params":{"vectors":{}}},"payload_schema":{}}';
  const points = Array.from({ length: 20 }, (_, id) => `{"id":${id},"payload":{"n":${id}},"vector":[0.5,${id}]}`);
  const lines = Buffer.from([head, ...points, '{"points":20}', ""].join("\n"));
  const index = Buffer.concat([flatHeader(8), Buffer.from(BigInt64Array.of(32n).buffer), Buffer.alloc(128, 7)]);
  const tar = await collect(
    writeTar([
      { name: "a.index", content: index },
      { name: "a.ids.json", content: Buffer.from(JSON.stringify([1, 2, 3, 4, 5, 6, 7, 8])) },
    ]),
  );
  const vectors = { "collections/products.snapshot": snapshot, "collections/a.jsonl": lines };
  return [
    new StoredSample(redisAdapter({ name: "reader", container: "none" }), { "dump.rdb": rdb }, null),
    new StoredSample(
      postgresAdapter({ name: "reader", container: "none" }),
      { "globals.sql": globals, "databases/app.sql": dump },
      {
        bootstrapUser: "app",
        databases: [
          { name: "app", artifact: "databases/app.sql", tablespace: "pg_default", extensions: [], rest: restOf(dump) },
        ],
        roles: [],
        tablespaces: [],
        digests: digestsOf({ "globals.sql": globals, "databases/app.sql": dump }),
      },
    ),
    new StoredSample(qdrantAdapter({ name: "reader", url: "http://127.0.0.1:1" }), vectors, {
      collections: [],
      aliases: {},
      digests: digestsOf(vectors),
    }),
    new StoredSample(
      faissAdapter({ name: "reader", directory: "/nonexistent" }),
      { "data.tar": tar },
      { library: "1" },
    ),
  ];
}

/** The header of a flat index of four dimensions, as the library writes it. */
function flatHeader(vectors: number): Buffer {
  return Buffer.concat([
    Buffer.from("IxF2"),
    Buffer.from(Int32Array.of(4).buffer),
    Buffer.from(BigInt64Array.of(BigInt(vectors), 1n << 20n, 1n << 20n).buffer),
    Buffer.of(1),
    Buffer.from(Int32Array.of(1).buffer),
  ]);
}

function digestsOf(artifacts: Readonly<Record<string, Buffer>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(artifacts).map(([name, content]) => [name, createHash("sha256").update(content).digest("hex")]),
  );
}

export async function* bytesOf(content: Uint8Array): Bytes {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

async function collect(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
