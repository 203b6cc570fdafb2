import type { SampleContent } from "./sample-content.ts";
import { askQdrant } from "../kinds/qdrant.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { Random } from "../random.ts";

const perRequest = 200;

/** One collection of the sample content. */
interface SampleCollection {
  readonly config: object;
  /** Field names with their schemas. */
  readonly indexes?: Readonly<Record<string, string | object>>;
  readonly points: number;
  readonly point?: (number: number, random: Random) => object;
}

/** Every shape that a collection can have, about `points` points in all. */
function collections(points: number): Readonly<Record<string, SampleCollection>> {
  return {
    articles: {
      config: { vectors: { size: 32, distance: "Cosine" }, metadata: { owner: "search", schema: 3 } },
      indexes: { lang: "keyword", year: { type: "integer", lookup: true, range: true } },
      points: Math.ceil(points * 0.5),
      point: (number, random) => ({
        id: number + 1,
        vector: vector(32, random),
        payload: {
          title: `Ärticle ${number}`,
          lang: random.pick(["en", "de", "fr"]),
          year: 2000 + (number % 25),
          nested: { score: number / 7, ok: number % 2 === 0 },
          tags: number % 3 === 0 ? [] : ["a", "b"],
          none: null,
        },
      }),
    },
    products: {
      config: {
        vectors: {
          image: { size: 8, distance: "Dot" },
          text: { size: 12, distance: "Euclid", on_disk: true, hnsw_config: { m: 8, ef_construct: 64 } },
        },
        sparse_vectors: { bm25: { modifier: "idf" } },
        on_disk_payload: true,
      },
      points: Math.ceil(points * 0.3),
      point: (number, random) => ({
        id: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
        vector: {
          image: vector(8, random),
          ...(number % 3 !== 0 && { text: vector(12, random) }),
          ...(number % 2 === 0 && { bm25: { indices: [number, 100_000 + number], values: [0.5, 1.25] } }),
        },
        payload: number % 5 === 0 ? {} : { sku: `P-${number}`, price: number * 1.1 },
      }),
    },
    passages: {
      config: {
        vectors: { size: 4, distance: "Cosine", multivector_config: { comparator: "max_sim" } },
        quantization_config: { scalar: { type: "int8", quantile: 0.99, always_ram: true } },
        optimizers_config: { default_segment_number: 2 },
      },
      points: Math.ceil(points * 0.15),
      point: (number, random) => ({
        id: number * 1_000,
        vector: Array.from({ length: 1 + (number % 3) }, () => vector(4, random)),
        payload: { passage: number },
      }),
    },
    empty: { config: { vectors: { size: 3, distance: "Manhattan" } }, points: 0 },
    "name with space & ü": {
      config: { vectors: { size: 2, distance: "Manhattan" } },
      points: Math.ceil(points * 0.05),
      point: (number, random) => ({ id: number, vector: vector(2, random), payload: { number } }),
    },
  };
}

/**
 * Fills a server with about as many points as asked for, in collections of every shape: one unnamed vector, named, sparse and multi
 * vectors, quantization, payload indexes, metadata, an empty one, a name that needs escaping; and aliases. The same seed gives the same content.
 */
export async function fillQdrant(
  server: ServerAddress,
  options: { readonly points?: number; readonly seed?: number } = {},
): Promise<void> {
  const random = new Random(options.seed ?? 1);
  for (const [name, { config, indexes, points, point }] of Object.entries(collections(options.points ?? 1_000))) {
    const path = pathOf(name);
    await askQdrant(server, "PUT", path, config);
    for (const [field_name, field_schema] of Object.entries(indexes ?? {})) {
      await askQdrant(server, "PUT", `${path}/index?wait=true`, { field_name, field_schema });
    }
    for (let first = 0; point !== undefined && first < points; first += perRequest) {
      const length = Math.min(perRequest, points - first);
      await upsert(
        server,
        name,
        Array.from({ length }, (_, number) => point(first + number, random)),
      );
    }
  }
  await setAliases(server, { prod_articles: "articles", latest: "articles", shop: "products" });
}

/** Names, ids, keys and values that break what quotes or counts carelessly. The text is JSON by hand: JavaScript cannot write these numbers. */
export async function fillHostileQdrant(server: ServerAddress): Promise<void> {
  const names = ["-rf", "it's 100 %", "数据 ünï 🦄", "%2E%2E", "a#b&c=d+e", "..hidden", "sutazai;$(x)"];
  for (const name of names) {
    await askQdrant(server, "PUT", pathOf(name), { vectors: { size: 2, distance: "Dot" } });
    const points = hostilePayloads.map(
      (payload, number) => `{"id":${ids[number]},"vector":[0.1,-3e-7],"payload":${payload}}`,
    );
    await askQdrant(server, "PUT", `${pathOf(name)}/points?wait=true`, `{"points":[${points.join(",")}]}`);
  }
  await setAliases(server, { 'it\'s "an" alias & ü': "-rf" });
}

const ids = [
  "0",
  "18446744073709551615",
  "9007199254740993",
  "9007199254740992",
  '"00000000-0000-4000-8000-000000000000"',
];

const hostilePayloads = [
  '{"big":9223372036854775807,"small":-9223372036854775808,"float":4.0,"tiny":1e-300,"long":26.400000000000002}',
  String.raw`{"points":"],\"points\":[{\"id\":1}],\"next_page_offset\":7}","quote\"s":"\\","brackets":"[{]}"}`,
  String.raw`{"__proto__":{"polluted":true},"constructor":null,"":"","line":"a\nb\r\n\u0000\u2028"}`,
  '{"deep":[[[[[{"a":[1,"1",1.5,null,true]}]]]]],"2":"order","10":"of","1":"keys"}',
  `{"text":"${"x".repeat(50_000)}"}`,
];

/** Changes the sample content everywhere a restore has to put it back. */
export async function changeQdrant(server: ServerAddress): Promise<void> {
  const random = new Random(99);
  await askQdrant(server, "POST", "/collections/articles/points/delete?wait=true", { points: [1, 2, 3] });
  await upsert(server, "articles", [{ id: 5, vector: vector(32, random), payload: { title: "changed" } }]);
  await askQdrant(server, "DELETE", "/collections/articles/index/lang?wait=true");
  await askQdrant(server, "DELETE", "/collections/passages");
  // The same name, another shape.
  await askQdrant(server, "DELETE", "/collections/products");
  await askQdrant(server, "PUT", "/collections/products", { vectors: { size: 3, distance: "Euclid" } });
  await upsert(server, "products", [{ id: 1, vector: [1, 2, 3], payload: { made: "since" } }]);
  await askQdrant(server, "PATCH", "/collections/empty", { hnsw_config: { m: 32 } });
  await askQdrant(server, "DELETE", "/collections/made%20since");
  await askQdrant(server, "PUT", "/collections/made%20since", { vectors: { size: 2, distance: "Dot" } });
  await upsert(server, "made since", [{ id: 7, vector: [1, 2], payload: {} }]);
  await setAliases(server, { latest: "made since", since: "articles" });
}

/** One small write, as an application would make it; rejects where writers are kept out. */
export async function writeQdrant(server: ServerAddress): Promise<void> {
  await askQdrant(server, "PUT", pathOf("written meanwhile"), { vectors: { size: 2, distance: "Dot" } }).catch(
    (error: unknown) => {
      if (!String(error).includes("409")) throw error;
    },
  );
  await upsert(server, "written meanwhile", [{ id: 1, vector: [1, 2], payload: { at: Date.now() } }]);
}

/** Removes every collection, and with them their aliases. */
export async function emptyQdrant(server: ServerAddress): Promise<void> {
  for (const name of await collectionNames(server)) await askQdrant(server, "DELETE", pathOf(name));
}

/** Snapshots that lie in the server: whoever made one must have removed it. */
async function settingsOfQdrant(server: ServerAddress): Promise<Record<string, string>> {
  const left: string[] = [];
  for (const name of [...(await collectionNames(server)), "made since"]) {
    const snapshots = await askQdrant<{ name: string }[]>(server, "GET", `${pathOf(name)}/snapshots`).catch(() => []);
    left.push(...snapshots.map((snapshot) => snapshot.name));
  }
  return { snapshots: left.join(" ") };
}

async function collectionNames(server: ServerAddress): Promise<string[]> {
  const { collections } = await askQdrant<{ collections: { name: string }[] }>(server, "GET", "/collections");
  return collections.map(({ name }) => name);
}

async function upsert(server: ServerAddress, collection: string, points: readonly object[]): Promise<void> {
  await askQdrant(server, "PUT", `${pathOf(collection)}/points?wait=true`, { points });
}

async function setAliases(server: ServerAddress, aliases: Readonly<Record<string, string>>): Promise<void> {
  const actions = Object.entries(aliases).flatMap(([alias_name, collection_name]) => [
    { delete_alias: { alias_name } },
    { create_alias: { alias_name, collection_name } },
  ]);
  await askQdrant(server, "POST", "/collections/aliases", { actions });
}

function vector(size: number, random: Random): number[] {
  return Array.from({ length: size }, () => (random.below(20_001) - 10_000) / 10_000);
}

function pathOf(collection: string): string {
  return `/collections/${encodeURIComponent(collection)}`;
}

/** The sample content for the conformance suite. */
export function qdrantContent(options: { readonly points?: number; readonly seed?: number } = {}): SampleContent {
  return {
    fill: (server) => fillQdrant(server, { points: options.points ?? 1_000, seed: options.seed ?? 1 }),
    fillHostile: fillHostileQdrant,
    change: changeQdrant,
    write: writeQdrant,
    empty: emptyQdrant,
    settings: settingsOfQdrant,
  };
}
