import { isBackupError, type ArtifactSink, type FormFacts, type OperationContext } from "@sutazai/backup-core";
import { PassingDigest, sha256, writeOnce } from "@sutazai/backup-formats";
import { findCollection, listCollections, listDatabases, type Collection, type DatabaseRef } from "../collections.ts";
import { artifactOf, catalogArtifact, type ExportedCollection } from "../details.ts";
import { databaseFact } from "../facts.ts";
import type { Server } from "../server.ts";
import { catalogFacts, type Catalog, type CatalogDatabase } from "./catalog.ts";
import { writeCollection, type Written } from "./write-collection.ts";

/** What came of the form `export`. */
export interface ExportCapture {
  readonly form: FormFacts;
  readonly databases: readonly DatabaseRef[];
  readonly collections: readonly ExportedCollection[];
  readonly digests: Readonly<Record<string, string>>;
  readonly incomplete: readonly string[];
}

interface DatabaseCollections {
  readonly where: DatabaseRef;
  readonly collections: readonly Collection[];
}

async function listAll(
  server: Server,
  tenants: readonly string[],
  signal: AbortSignal,
): Promise<readonly DatabaseCollections[]> {
  const found: DatabaseCollections[] = [];
  for (const where of await listDatabases(server, tenants, signal)) {
    found.push({ where, collections: await listCollections(server, where, signal) });
  }
  return found;
}

/** What was there only before or only after. Collections by their ids: one that is dropped and made anew is another. */
function changesBetween(before: readonly DatabaseCollections[], after: readonly DatabaseCollections[]): string[] {
  const [earlier, later] = [namesIn(before), namesIn(after)];
  return [
    ...[...earlier].filter(([id]) => !later.has(id)).map(([, what]) => `${what} was dropped during the backup`),
    ...[...later].filter(([id]) => !earlier.has(id)).map(([, what]) => `${what} was created during the backup`),
  ];
}

function namesIn(all: readonly DatabaseCollections[]): ReadonlyMap<string, string> {
  return new Map(
    all.flatMap(({ where, collections }) => [
      [databaseFact(where), `database ${where.tenant}/${where.database}`] as const,
      ...collections.map(({ id, name }) => [id, `collection ${described(where, name)}`] as const),
    ]),
  );
}

/** Exports one collection after the other. */
export async function captureExport(
  context: OperationContext,
  server: Server,
  tenants: readonly string[],
  sink: ArtifactSink,
): Promise<ExportCapture> {
  const { signal } = context;
  const from = new Date().toISOString();
  const digests: Record<string, string> = {};
  const facts = {};
  const exported: ExportedCollection[] = [];
  const catalog: CatalogDatabase[] = [];
  const before = await listAll(server, tenants, signal);
  for (const { where, collections } of before) {
    const taken: { name: string; artifact: string; records: number }[] = [];
    for (const collection of collections) {
      const { name, id } = collection;
      const artifact = artifactOf(where, name);
      const passing = new PassingDigest();
      const written: Written = { facts: {}, records: 0 };
      try {
        await sink.write(artifact, passing.observe(writeCollection(context, server, where, collection, written)));
      } catch (error) {
        if (!(await wasDropped(error, context, server, where, name, id))) throw error;
        continue;
      }
      digests[artifact] = passing.hex();
      Object.assign(facts, written.facts);
      exported.push({ ...where, name, artifact });
      taken.push({ name, artifact, records: written.records });
    }
    catalog.push({ ...where, collections: taken });
  }
  const incomplete = changesBetween(before, await listAll(server, tenants, signal));
  const whole: Catalog = {
    format: "chromadb-export",
    version: 1,
    serverVersion: server.version,
    databases: catalog,
  };
  const text = Buffer.from(`${JSON.stringify(whole, undefined, 1)}\n`);
  await writeOnce(sink, catalogArtifact, text);
  digests[catalogArtifact] = sha256(text);
  return {
    form: {
      name: "export",
      method: "POST /api/v2/…/collections/{collection}/get, by id",
      capture: { from, to: new Date().toISOString() },
      pausedMs: 0,
      artifacts: [...exported.map(({ artifact }) => artifact), catalogArtifact],
      fingerprint: { ...facts, ...catalogFacts(catalog) },
      notCovered: [
        "the records are not those of one moment where others write meanwhile",
        "ids of collections: they change when it is restored",
        "tenants that nobody has named, where the data directory cannot be read",
        "the last bits of vectors that are compared by cosine: the server computes them anew",
      ],
    },
    databases: before.map(({ where }) => where),
    collections: exported,
    digests,
    incomplete,
  };
}

function described({ tenant, database }: DatabaseRef, name: string): string {
  return `${JSON.stringify(name)} of ${tenant}/${database}`;
}

async function wasDropped(
  thrown: unknown,
  { signal }: OperationContext,
  server: Server,
  where: DatabaseRef,
  name: string,
  id: string,
): Promise<boolean> {
  if (signal.aborted || !isBackupError(thrown) || thrown.reason === "no-space") return false;
  const now = await findCollection(server, where, name, signal).catch(() => undefined);
  return thrown.reason === "not-found" && now?.id !== id;
}
