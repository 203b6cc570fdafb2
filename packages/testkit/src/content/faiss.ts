import type { SampleContent } from "./sample-content.ts";
import { askFaiss } from "../kinds/faiss.ts";
import type { ServerAddress } from "../kinds/server-kind.ts";
import { Random } from "../random.ts";

interface SampleIndex {
  readonly factory: string;
  readonly metric: "l2" | "ip";
  readonly dim: number;
  /** A part of all vectors. */
  readonly share: number;
}

/** The types that applications use. */
const indexes: Readonly<Record<string, SampleIndex>> = {
  articles: { factory: "Flat", metric: "ip", dim: 64, share: 0.4 },
  products: { factory: "HNSW16", metric: "l2", dim: 32, share: 0.3 },
  images: { factory: "IVF16,PQ8x4", metric: "l2", dim: 32, share: 0.2 },
  users: { factory: "SQ8", metric: "l2", dim: 16, share: 0.1 },
};

/** Fills a service with about as many vectors as asked for, in an index of each of four types, and some documents beside. */
export async function fillFaiss(
  server: ServerAddress,
  options: { readonly vectors?: number; readonly seed?: number } = {},
): Promise<void> {
  const random = new Random(options.seed ?? 1);
  for (const [name, { factory, metric, dim, share }] of Object.entries(indexes)) {
    await askFaiss(server, "PUT", `/indexes/${name}`, { dim, factory, metric });
    await add(server, name, 0, Math.ceil((options.vectors ?? 5_000) * share), random);
  }
  for (let number = 0; number < 20; number += 1) {
    await putDocument(
      server,
      `doc-${number}.json`,
      Buffer.from(JSON.stringify({ number, text: "ünï ".repeat(number) })),
    );
  }
}

/** Documents with names that break what quotes carelessly, empty ones, and bytes that look like an archive. */
export async function fillHostileFaiss(server: ServerAddress): Promise<void> {
  const names = [
    " ",
    "two words",
    "line\nbreak",
    "*",
    "-rf",
    "--exclude=x",
    `it's "quoted" $(reboot) \`reboot\``,
    "ünï-数据",
    "..hidden",
    "back\\slash",
    "x".repeat(200),
    "__proto__",
    "constructor",
    "looks-like.index",
  ];
  for (const name of names) await putDocument(server, name, Buffer.from(name));
  await putDocument(server, "empty", new Uint8Array(0));
  await putDocument(server, "zeros", new Uint8Array(10_240));
}

/** Changes the sample content everywhere a restore has to put it back. */
export async function changeFaiss(server: ServerAddress): Promise<void> {
  const random = new Random(99);
  await add(server, "articles", 1_000_000, 10, random);
  await askFaiss(server, "DELETE", "/indexes/users");
  await askFaiss(server, "PUT", "/indexes/made-since", { dim: 4 });
  await putDocument(server, "doc-1.json", Buffer.from("changed"));
  await putDocument(server, "made since then", Buffer.from("1"));
}

/** One small write, as an application would make it; rejects where writers are kept out. */
export async function writeFaiss(server: ServerAddress): Promise<void> {
  await putDocument(server, "written meanwhile", Buffer.from("1"));
}

/** Removes every index and document. */
export async function emptyFaiss(server: ServerAddress): Promise<void> {
  for (const name of Object.keys(await askFaiss<object>(server, "GET", "/indexes"))) {
    await askFaiss(server, "DELETE", `/indexes/${name}`);
  }
  await askFaiss(server, "DELETE", "/documents");
}

/** The sample content for the conformance suite. */
export function faissContent(options: { readonly vectors?: number; readonly seed?: number } = {}): SampleContent {
  return {
    fill: (server) => fillFaiss(server, options),
    fillHostile: fillHostileFaiss,
    change: changeFaiss,
    write: writeFaiss,
    empty: emptyFaiss,
    // What the service can be set to is in its environment.
    settings: async () => ({}),
  };
}

async function add(server: ServerAddress, name: string, from: number, count: number, random: Random): Promise<void> {
  const { dim = 4 } = indexes[name] ?? {};
  await askFaiss(server, "POST", `/indexes/${name}/add`, {
    ids: Array.from({ length: count }, (_, number) => `${name}-${from + number}`),
    vectors: Array.from({ length: count }, () => Array.from({ length: dim }, () => random.below(1e6) / 1e6 - 0.5)),
  });
  await askFaiss(server, "POST", `/indexes/${name}/save`);
}

function putDocument(server: ServerAddress, name: string, content: Uint8Array<ArrayBuffer>): Promise<unknown> {
  return askFaiss(server, "PUT", `/documents/${encodeURIComponent(name)}`, content);
}
