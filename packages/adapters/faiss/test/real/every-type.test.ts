import { standaloneContext } from "@sutazai/backup-containers";
import type { Manifest } from "@sutazai/backup-core";
import { MemoryBackup, startServer, type TestServer } from "@sutazai/backup-testkit";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { detailsOf } from "../../src/details.ts";
import { faissAdapter } from "../../src/index.ts";
import { areAlike } from "../../src/neighbours.ts";

/** Whatever the library's factory makes, and what it makes of it when it is written. */
const factories = [
  "Flat",
  "LSH",
  "PQ4x4",
  "SQ8",
  "SQfp16",
  "IDMap,Flat",
  "IDMap2,Flat",
  "IDMap,PQ4x4",
  "PCA8,Flat",
  "OPQ4,PQ4x4",
  "RR8,SQ8",
  "L2norm,Flat",
  "ITQ8,LSH",
  "HNSW8",
  "HNSW8,Flat",
  "HNSW8_SQ8",
  "HNSW8_PQ4x4",
  "NSG8,Flat",
  "IVF4,Flat",
  "IVF4,SQ8",
  "IVF4,PQ4x4",
  "IVF4_HNSW8,Flat",
  "IVF4,PQ4x4fs",
  "PQ4x4fs",
  "RQ2x4",
  "LSQ2x4",
  "PRQ2x2x4",
  "IVF4,RQ2x4",
  "PCA8,IVF4,Flat",
  "IDMap,IVF4,Flat",
  "Flat,RFlat",
  "SQ8,RFlat",
  "IVF4,PQ4x4,RFlat",
  "RaBitQ",
  "IVF4,RaBitQ",
  "BFlat",
  "BIVF4",
  "BHNSW8",
  "BHash8",
];

const program = `
import sys, os, faiss, numpy
rng = numpy.random.default_rng(1)
vectors = rng.random((300, 16), dtype="float32")
codes = rng.integers(0, 256, (300, 2), dtype="uint8")
for name in sys.argv[1:]:
    for metric, word in ((faiss.METRIC_L2, "l2"), (faiss.METRIC_INNER_PRODUCT, "ip"), (faiss.METRIC_L1, "l1")):
        if word == "l1" and name not in ("Flat", "IVF4,Flat", "IDMap,Flat"): continue
        try:
            if name.startswith("B"):
                if word != "l2": continue
                index = faiss.index_binary_factory(16, name)
                index.train(codes); index.add(codes)
                faiss.write_index_binary(index, "/data/made.tmp")
            else:
                index = faiss.index_factory(16, name, metric)
                index.train(vectors)
                index.add_with_ids(vectors, numpy.arange(300)) if name.startswith("IDMap") else index.add(vectors)
                faiss.write_index(index, "/data/made.tmp")
        except Exception as error:
            print("cannot", name, word, str(error).strip().splitlines()[-1][-100:]); continue
        file = "%s-%s.index" % (name.replace(",", "_"), word)
        os.rename("/data/made.tmp", "/data/" + file)
        print("made", file, index.ntotal, index.d)
lp = faiss.IndexFlat(16, faiss.METRIC_Lp); lp.metric_arg = 3.0; lp.add(vectors)
faiss.write_index(lp, "/data/Lp.index"); print("made Lp.index 300 16")
faiss.write_index(faiss.IndexFlatL2(16), "/data/none.index"); print("made none.index 0 16")
sub = faiss.IndexIVFFlat(faiss.IndexFlatL2(16), 16, 4); sub.train(vectors); sub.add(vectors); sub.make_direct_map()
faiss.write_index(sub, "/data/direct.index"); print("made direct.index 300 16")
`;

let server: TestServer;
let made: { readonly file: string; readonly vectors: number; readonly dimension: number }[];

beforeAll(async () => {
  server = await startServer("faiss");
  const { stdout, stderr, exitCode } = await server.exec(["python3", "-c", program, ...factories]);
  expect(exitCode, stderr).toBe(0);
  made = stdout
    .split("\n")
    .filter((line) => line.startsWith("made"))
    .map((line) => line.split(" "))
    .map(([, file = "", vectors, dimension]) => ({ file, vectors: Number(vectors), dimension: Number(dimension) }));
});
afterAll(() => server[Symbol.asyncDispose]());

async function backUp() {
  const faiss = faissAdapter({ container: server.name });
  const state = await mkdtemp(join(tmpdir(), "faiss-test-"));
  try {
    await using context = await standaloneContext(faiss, { stateDirectory: state });
    const backup = new MemoryBackup();
    const facts = await faiss.backup(context, backup);
    return { backup, facts, fingerprint: facts.forms[0]?.fingerprint ?? {} };
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

test("every type that the library writes is known, with as many vectors as the library says, and none is taken for torn", async () => {
  expect(made.length).toBeGreaterThan(60);
  const { facts, fingerprint } = await backUp();
  expect(facts.incomplete).toEqual([]);
  const wrong = made.flatMap(({ file, vectors, dimension }) => {
    const fact = (what: string) => fingerprint[`index:${file}/${what}`];
    const found = { type: fact("type"), state: fact("state"), vectors: fact("vectors"), dimension: fact("dimension") };
    const isRight =
      JSON.stringify([found.vectors, found.dimension]) === JSON.stringify([{ exact: vectors }, { exact: dimension }]) &&
      /"exact":"(whole|opaque)"/.test(JSON.stringify(found.state)) &&
      !/unknown/.test(JSON.stringify(found.type));
    return isRight ? [] : [{ file, made: [vectors, dimension], ...found }];
  });
  expect(wrong).toEqual([]);
  const states = made.map(({ file }) => ({ file, state: fingerprint[`index:${file}/state`] }));
  const opaque = states.filter(({ state }) => JSON.stringify(state) === '{"exact":"opaque"}').map(({ file }) => file);
  // Types of which more than the header is checked must be the great part.
  expect(opaque.length).toBeLessThan(made.length / 2);
});

test("the neighbours that an index finds are recorded, and found again by another process; coarse ones are left out", async () => {
  const recorded = async () =>
    detailsOf({ id: "a", details: (await backUp()).facts.details } as Manifest).neighbours ?? [];
  const [first, again] = [await recorded(), await recorded()];
  const found = new Map(again.map((each) => [each.path, each.found]));
  expect(found.size).toBe(first.length);
  for (const { path, found: before } of first) {
    expect([
      path,
      before.every((near, at) => near.length === 5 && areAlike(near, found.get(path)?.[at] ?? [])),
    ]).toEqual([path, true]);
  }
  const left = made.map(({ file }) => file).filter((file) => !found.has(file));
  expect(left).toContain("PQ4x4fs-l2.index");
  // The vectors asked about are stored ones.
  expect(found.get("Flat-l2.index")?.map((near) => near[0]?.id)).toEqual(["0", "150", "299"]);
  expect(first.length).toBeGreaterThan(made.length / 2);
});

test("an index that is cut off is reported, whatever its type", async () => {
  const { fingerprint } = await backUp();
  const whole = made.filter(({ file }) => JSON.stringify(fingerprint[`index:${file}/state`]) === '{"exact":"whole"}');
  const cut = `import os, sys
for name in sys.argv[1:]:
    path = "/data/" + name
    os.truncate(path, os.path.getsize(path) - 1)`;
  await server.exec(["python3", "-c", cut, ...whole.map(({ file }) => file)]);
  const { facts } = await backUp();
  expect(facts.incomplete.length).toBe(whole.length);
  for (const { file } of whole)
    expect(facts.incomplete.some((problem) => problem.includes(JSON.stringify(file)))).toBe(true);
});
