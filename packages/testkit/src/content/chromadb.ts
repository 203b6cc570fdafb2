import { askChromadb } from "../kinds/chromadb.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { Random } from "../random.ts";
import type { SampleContent } from "./sample-content.ts";

type Address = Pick<ServerAddress, "host" | "port">;

const perRequest = 200;
const main = { tenant: "default_tenant", database: "default_database" };
const other = { tenant: "team / ünï", database: "search" };
/** A tenant cannot be removed, so there are these whatever the content. */
const databases = [main, other, { tenant: "default_tenant", database: "archive.2" }];

interface SampleCollection {
  readonly where: typeof main;
  readonly name: string;
  readonly made: object;
  readonly dimension: number;
  readonly records: number;
}

/** Every shape that a collection can have, about `records` records in all. */
function collections(records: number): readonly SampleCollection[] {
  const hnsw = (space: string, more: object = {}) => ({ configuration: { hnsw: { space, ...more } } });
  return [
    {
      where: main,
      name: "articles",
      made: {
        ...hnsw("cosine", { sync_threshold: 100 }),
        metadata: { owner: "search", version: 3, ratio: 0.5, on: true },
      },
      dimension: 24,
      records: Math.ceil(records * 0.5),
    },
    {
      where: main,
      name: "products-l2",
      made: {
        configuration: { hnsw: { space: "l2" }, embedding_function: { type: "known", name: "default", config: {} } },
      },
      dimension: 8,
      records: Math.ceil(records * 0.2),
    },
    { where: main, name: "empty.one", made: {}, dimension: 3, records: 0 },
    {
      where: other,
      name: "articles",
      made: hnsw("ip", { sync_threshold: 50 }),
      dimension: 16,
      records: Math.ceil(records * 0.25),
    },
    {
      where: { tenant: "default_tenant", database: "archive.2" },
      name: "old_clients",
      made: { metadata: { "hnsw:space": "cosine", "hnsw:batch_size": 40, "hnsw:sync_threshold": 60 } },
      dimension: 4,
      records: Math.ceil(records * 0.05),
    },
  ];
}

/**
 * Fills a server with about as many records as asked for, in two tenants and three databases: for cosine, l2 and inner product, with vectors saved
 * and still queued, with and without documents, metadata and uris. The same seed gives the same content.
 */
export async function fillChromadb(
  server: Address,
  options: { readonly records?: number; readonly seed?: number } = {},
): Promise<void> {
  const random = new Random(options.seed ?? 1);
  await makeDatabases(server);
  for (const { where, name, made, dimension, records } of collections(options.records ?? 1_000)) {
    const id = await make(server, where, name, made);
    for (let first = 0; first < records; first += perRequest) {
      const numbers = Array.from({ length: Math.min(perRequest, records - first) }, (_, at) => first + at);
      await askChromadb(server, "POST", `${pathOf(where)}/${id}/add`, {
        ids: numbers.map((number) => `record ${number}`),
        embeddings: numbers.map(() => vector(dimension, random)),
        documents: numbers.map((number) => (number % 3 === 0 ? null : `Dökument ${number} of ${name}`)),
        metadatas: numbers.map((number) => (number % 4 === 0 ? null : metadata(number, random))),
        uris: numbers.map((number) => (number % 5 === 0 ? `file:///${name}/${number}` : null)),
      });
    }
    if (records > 10) {
      await askChromadb(server, "POST", `${pathOf(where)}/${id}/delete`, { ids: ["record 3", "record 4"] });
      await askChromadb(server, "POST", `${pathOf(where)}/${id}/update`, {
        ids: ["record 5"],
        embeddings: [vector(dimension, random)],
        metadatas: [{ changed: true }],
      });
    }
  }
}

/** Names, ids, keys and values that break what quotes or counts carelessly. The text is JSON by hand: JavaScript cannot write these numbers. */
export async function fillHostileChromadb(server: Address): Promise<void> {
  await makeDatabases(server);
  const id = await make(server, main, "a-b_c.D", {
    metadata: { "key \"'\\": "line\nbreak", n: 9007199254740993n.toString() },
  });
  const metadatas = [
    '{"big":9223372036854775807,"small":-9223372036854775808,"float":4.0,"tiny":1e-300,"long":26.400000000000002,"odd":0.1234567890123456789}',
    String.raw`{"ids":"],\"embeddings\":[[1]]}","quote\"s":"\\","brackets":"[{]}"}`,
    String.raw`{"__proto__":"polluted","constructor":true,"line":"a\nb\r\n\u0000\u2028"}`,
    '{"list":[1,2,3],"reals":[1.0,2.5],"texts":["a","\\"],["],"flags":[true,false]}',
    "{}",
  ];
  const ids = ["", "../../etc/passwd", "\"'; DROP TABLE embeddings; --", "数据 ünï 🦄\u0000", "embeddings"].map(
    (text, at) => (text === "" ? `n${at}` : text),
  );
  const embeddings = "[1e-30,3.3333333,-0.0],[1,2,3],[-1e10,0.1,16777217],[0,0,0],[3.4e38,1,1]";
  const documents = [String.raw`"],\"documents\":["`, null, "", "a\u0000b\u2028", "x".repeat(50_000)];
  await askChromadb(
    server,
    "POST",
    `${pathOf(main)}/${id}/add`,
    `{"ids":${JSON.stringify(ids)},"embeddings":[${embeddings}],"metadatas":[${metadatas.join(",")}],"documents":${JSON.stringify(documents)},"uris":["",null,"x\\"y",null,"${"u".repeat(2_000)}"]}`,
  );
  await make(server, other, `${"x".repeat(200)}-1`, {});
}

/** Changes the sample content everywhere a restore has to put it back. */
export async function changeChromadb(server: Address): Promise<void> {
  const random = new Random(99);
  const articles = await idOf(server, main, "articles");
  await askChromadb(server, "POST", `${pathOf(main)}/${articles}/delete`, { ids: ["record 1", "record 2"] });
  await askChromadb(server, "POST", `${pathOf(main)}/${articles}/upsert`, {
    ids: ["record 6", "made since"],
    embeddings: [vector(24, random), vector(24, random)],
    documents: ["changed", "new"],
  });
  await askChromadb(server, "DELETE", `${pathOf(other)}/articles`);
  // The same name, another shape.
  await askChromadb(server, "DELETE", `${pathOf(main)}/products-l2`);
  const products = await make(server, main, "products-l2", { configuration: { hnsw: { space: "ip" } } });
  await add(server, main, products, ["1"], [[1, 2, 3]]);
  await askChromadb(server, "DELETE", `/tenants/default_tenant/databases/archive%2E2`);
  const since = await make(server, other, "made-since", {});
  await add(server, other, since, ["a"], [[1, 2]]);
}

/** One small write, as an application would make it; rejects where writers are kept out. */
export async function writeChromadb(server: Address): Promise<void> {
  const id = await make(server, main, "written-meanwhile", { get_or_create: true });
  await askChromadb(server, "POST", `${pathOf(main)}/${id}/upsert`, {
    ids: ["1"],
    embeddings: [[1, 2]],
    documents: [`at ${Date.now()}`],
  });
}

/** Removes every collection. */
export async function emptyChromadb(server: Address): Promise<void> {
  await makeDatabases(server);
  for (const where of databases) {
    for (const { name } of await askChromadb<{ name: string }[]>(server, "GET", pathOf(where))) {
      await askChromadb(server, "DELETE", `${pathOf(where)}/${encodeURIComponent(name)}`);
    }
  }
}

async function makeDatabases(server: Address): Promise<void> {
  for (const { tenant, database } of databases) {
    await ignoringConflict(askChromadb(server, "POST", "/tenants", { name: tenant }));
    await ignoringConflict(
      askChromadb(server, "POST", `/tenants/${encodeURIComponent(tenant)}/databases`, { name: database }),
    );
  }
}

async function ignoringConflict(made: Promise<unknown>): Promise<void> {
  await made.catch((error: unknown) => {
    if (!String(error).includes("409")) throw error;
  });
}

async function make(server: Address, where: typeof main, name: string, made: object): Promise<string> {
  return (await askChromadb<{ id: string }>(server, "POST", pathOf(where), { name, ...made })).id;
}

async function idOf(server: Address, where: typeof main, name: string): Promise<string> {
  return (await askChromadb<{ id: string }>(server, "GET", `${pathOf(where)}/${encodeURIComponent(name)}`)).id;
}

async function add(
  server: Address,
  where: typeof main,
  id: string,
  ids: readonly string[],
  embeddings: readonly number[][],
): Promise<void> {
  await askChromadb(server, "POST", `${pathOf(where)}/${id}/add`, { ids, embeddings });
}

function metadata(number: number, random: Random): object {
  return {
    lang: random.pick(["en", "de", "fr"]),
    year: 2000 + (number % 25),
    score: number / 7,
    ok: number % 2 === 0,
    ...(number % 3 === 0 && { tags: ["a", `b${number}`] }),
  };
}

function vector(size: number, random: Random): number[] {
  return Array.from({ length: size }, () => (random.below(20_001) - 10_000) / 3_000);
}

function pathOf({ tenant, database }: typeof main): string {
  return `/tenants/${encodeURIComponent(tenant)}/databases/${encodeURIComponent(database)}/collections`;
}

/** The sample content for the conformance suite. */
export function chromadbContent(options: { readonly records?: number; readonly seed?: number } = {}): SampleContent {
  return {
    fill: (server) => fillChromadb(server, { records: options.records ?? 400, seed: options.seed ?? 1 }),
    fillHostile: fillHostileChromadb,
    change: changeChromadb,
    write: writeChromadb,
    empty: emptyChromadb,
    settings: async () => ({}),
  };
}
