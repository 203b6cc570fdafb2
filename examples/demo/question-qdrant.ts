import { askQdrant, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";
import { digest } from "./digest.ts";

interface Point {
  readonly id: string | number;
  readonly vector: unknown;
}

/** Every point of every collection with its payload and vectors, the configuration, the aliases, and the neighbours of some points. */
export async function questionQdrant(server: ServerAddress): Promise<DemoFact[]> {
  const facts: DemoFact[] = [];
  const { collections } = await askQdrant<{ collections: { name: string }[] }>(server, "GET", "/collections");
  for (const name of collections.map((collection) => collection.name).sort()) {
    const path = `/collections/${encodeURIComponent(name)}`;
    const { config } = await askQdrant<{ config: unknown }>(server, "GET", path);
    const points = await scroll(server, path);
    facts.push([`${name} configuration`, digest(config)], [`${name} points`, `${points.length}, ${digest(points)}`]);
    for (const { id, vector } of points.slice(0, 3)) {
      // One unnamed dense vector: the others need the vector's name in the question.
      if (!Array.isArray(vector) || typeof vector[0] !== "number") continue;
      const found = await askQdrant(server, "POST", `${path}/points/query`, { query: vector, limit: 5 });
      facts.push([`${name} neighbours of ${id}`, digest(found)]);
    }
  }
  const { aliases } = await askQdrant<{ aliases: { alias_name: string; collection_name: string }[] }>(
    server,
    "GET",
    "/aliases",
  );
  facts.push(...aliases.map(({ alias_name, collection_name }): DemoFact => [`alias ${alias_name}`, collection_name]));
  return facts;
}

async function scroll(server: ServerAddress, path: string): Promise<Point[]> {
  const all: Point[] = [];
  for (let offset: unknown = null; ;) {
    const body = { limit: 500, offset, with_payload: true, with_vector: true };
    const page = await askQdrant<{ points: Point[]; next_page_offset: unknown }>(
      server,
      "POST",
      `${path}/points/scroll`,
      body,
    );
    all.push(...page.points);
    offset = page.next_page_offset;
    if (offset === null || offset === undefined) return all;
  }
}
