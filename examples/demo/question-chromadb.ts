import { askChromadb, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";
import { digest } from "./digest.ts";

interface Collection {
  readonly id: string;
  readonly name: string;
}

interface Records {
  readonly ids: readonly string[];
  readonly embeddings: readonly (readonly number[])[];
  readonly documents: readonly unknown[];
  readonly metadatas: readonly (Readonly<Record<string, unknown>> | null)[];
}

const tenants = ["default_tenant", "team / ünï"];

/** Every record of every collection of every tenant, and which are the neighbours of some: the vectors themselves are not stored to the last bit. */
export async function questionChromadb(server: ServerAddress): Promise<DemoFact[]> {
  const facts: DemoFact[] = [];
  for (const tenant of tenants.map(encodeURIComponent)) {
    const databases = await askChromadb<{ name: string }[]>(server, "GET", `/tenants/${tenant}/databases`);
    for (const { name: database } of databases) {
      const path = `/tenants/${tenant}/databases/${encodeURIComponent(database)}/collections`;
      for (const { id, name } of await askChromadb<Collection[]>(server, "GET", path)) {
        const include = ["embeddings", "documents", "metadatas"];
        const { ids, documents, metadatas, embeddings } = await askChromadb<Records>(
          server,
          "POST",
          `${path}/${id}/get`,
          {
            include,
          },
        );
        const records = ids.map((record, at) => JSON.stringify([record, documents[at], inOrder(metadatas[at])]));
        facts.push([`${database} ${name}`, `${ids.length} records, ${digest(records.sort())}`]);
        if (ids.length === 0) continue;
        const near = await askChromadb<Pick<Records, "ids">>(server, "POST", `${path}/${id}/query`, {
          query_embeddings: [...ids]
            .sort()
            .slice(0, 3)
            .map((record) => embeddings[ids.indexOf(record)]),
          n_results: 5,
        });
        facts.push([`${database} ${name} neighbours`, JSON.stringify(near.ids)]);
      }
    }
  }
  return facts;
}

/** The server gives the keys in any order. */
function inOrder(metadata: Readonly<Record<string, unknown>> | null | undefined): unknown {
  return Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
