// What a drill's comparison finds, on a server that stands for the drilled one.
import { compareFingerprints, describeDifference, type ArtifactSource } from "@sutazai/backup-core";
import { askChromadb, startServer, type TestServer } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromadbAdapter } from "../../src/index.ts";
import { backUp, operate } from "./operation.ts";

const path = "/tenants/default_tenant/databases/default_database/collections";
const dimension = 16;
const records = 300;

let server: TestServer;
beforeAll(async () => {
  server = await startServer("chromadb");
});
afterAll(() => server[Symbol.asyncDispose]());

/** Of about the length one, as an embedding is. */
function vectorOf(record: number): number[] {
  return Array.from({ length: dimension }, (_, at) => Math.sin(record * dimension + at) / Math.sqrt(dimension / 2));
}

async function make(name: string, space: string): Promise<string> {
  const configuration = { hnsw: { space, sync_threshold: 100 } };
  const { id } = await askChromadb<{ id: string }>(server, "POST", path, { name, configuration });
  const all = Array.from({ length: records }, (_, record) => record);
  await askChromadb(server, "POST", `${path}/${id}/add`, {
    ids: all.map((record) => `r${record}`),
    embeddings: all.map(vectorOf),
  });
  return id;
}

test("one component of one vector that has changed is found, and its collection named", async () => {
  const ids = [await make("by-l2", "l2"), await make("by-cosine", "cosine")];
  const adapter = chromadbAdapter({ container: server.name });
  const backup: ArtifactSource = await backUp(adapter);
  const compare = async (form: string) => {
    const drill = adapter.drill?.(backup.manifest, form);
    const facts = await operate(adapter, async (context) => drill?.compare(context, server.name, backup));
    const differences = compareFingerprints(facts?.expected ?? {}, facts?.fingerprint ?? {});
    return { evidence: facts?.evidence.join("; "), found: differences.map(describeDifference).join("; ") };
  };
  for (const form of ["data", "export"]) {
    expect(await compare(form)).toEqual({
      found: "",
      evidence: expect.stringMatching(/16 stored vectors searched for in 2 collections: .* 16 one as near/),
    });
  }
  for (const id of ids) {
    const changed = vectorOf(7).map((number, at) => (at === 3 ? number + 0.001 : number));
    await askChromadb(server, "POST", `${path}/${id}/update`, { ids: ["r7"], embeddings: [changed] });
  }
  for (const form of ["data", "export"]) {
    const found = await compare(form).then(
      (compared) => compared.found,
      (error: Error) => error.message,
    );
    for (const space of ["l2", "cosine"]) expect(found, form).toContain(`by-${space}/vectors`);
  }
});
