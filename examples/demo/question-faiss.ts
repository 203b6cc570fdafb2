import { askFaiss, type ServerAddress } from "@sutazai/backup-testkit";
import type { DemoFact } from "./database.ts";

interface IndexFacts {
  readonly dim: number;
  readonly ntotal: number;
  readonly type: string;
}

/** Every index as the service that owns it tells it, with the neighbours that it finds, ids and distances to the last bit. */
export async function questionFaiss(server: ServerAddress): Promise<DemoFact[]> {
  await askFaiss(server, "POST", "/reload");
  const facts: DemoFact[] = [];
  for (const [name, { dim, ntotal, type }] of Object.entries(
    await askFaiss<Record<string, IndexFacts>>(server, "GET", "/indexes"),
  )) {
    const vectors = [0, 1, 2].map((row) => Array.from({ length: dim }, (_, at) => Math.sin(row * dim + at)));
    const { ids, distances } = await askFaiss<{ ids: unknown[][]; distances: number[][] }>(
      server,
      "POST",
      `/indexes/${name}/search`,
      { vectors, k: 5 },
    );
    facts.push(
      [name, `${type}, ${ntotal} vectors of ${dim}`],
      [`${name} neighbours`, JSON.stringify({ ids, distances })],
    );
  }
  return facts;
}
