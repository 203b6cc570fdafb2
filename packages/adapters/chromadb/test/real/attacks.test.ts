// What a server may answer, or something between it and us, that looks like a success and is none.
import {
  askChromadb,
  fillChromadb,
  lyingServer,
  startServer,
  type Lie,
  type TestServer,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromadbAdapter } from "../../src/index.ts";
import { searchStored } from "../../src/search.ts";
import { Server } from "../../src/server.ts";
import { backUp, operate } from "./operation.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer("chromadb");
  await fillChromadb(server, { records: 60 });
});
afterAll(() => server[Symbol.asyncDispose]());

const isRead = (path: string) => /\/default_database\/collections\/[^/]+\/get$/.test(path);
const nothing = { ids: [], embeddings: [], documents: [], metadatas: [], uris: [], include: [] };

const answers: readonly (readonly [what: string, lieAbout: (path: string, body: string) => Lie | undefined])[] = [
  ["no record at all of a collection that has some", (path) => (isRead(path) ? nothing : undefined)],
  ["ids, and no record of any", (path, body) => (isRead(path) && body.includes('"ids"') ? nothing : undefined)],
  [
    "an answer that is cut off",
    (path, body) => (isRead(path) && body.includes('"ids"') ? '{"ids":["record 0"' : undefined),
  ],
];

test.each(answers)("%s fails the backup", async (_, lieAbout) => {
  await using liar = await lyingServer(server, (_method, path, body) => lieAbout(path, body));
  await expect(backUp(chromadbAdapter({ url: liar.url }))).rejects.toMatchObject({
    reason: expect.stringMatching(/^(mismatch|unsupported)$/),
    database: "chromadb",
  });
  expect(liar.lies).toBeGreaterThan(0);
});

const eight = <Row>(row: Row): Row[] => Array.from({ length: 8 }, () => row);
const searches: readonly (readonly [what: string, answer: object])[] = [
  ["finds nothing", { ids: eight([]), distances: eight([]) }],
  ["finds what is not there", { ids: eight(["nobody"]), distances: eight([0]) }],
  ["finds records at other distances", { ids: eight(["record 0"]), distances: eight([0]) }],
];

test.each(searches)("a search that %s is told by a drill", async (_, answer) => {
  await using liar = await lyingServer(server, (_method, path) => (path.endsWith("/query") ? answer : undefined));
  const search = (url: string) =>
    operate(chromadbAdapter({ url }), async (context) => {
      using asked = await Server.open({ url }, "chromadb", context.containers);
      return await searchStored(context, asked, ["default_tenant"]);
    });
  const { searches: all, exact, collections } = await search(`http://${server.host}:${server.port}`);
  expect(collections).toBeGreaterThan(1);
  expect(exact).toBe(all);
  await expect(search(liar.url)).rejects.toMatchObject({ reason: "mismatch", operation: "chromadb.search" });
  expect(liar.lies).toBeGreaterThan(0);
});

test("what is dropped or created meanwhile is told, also of what was exported already", async () => {
  const path = "/tenants/default_tenant/databases";
  let happened = false;
  const backup = await backUp(chromadbAdapter({ url: `http://${server.host}:${server.port}` }), async (artifact) => {
    if (happened || !artifact.includes("articles")) return;
    happened = true;
    await askChromadb(server, "DELETE", `${path}/archive%2E2/collections/old_clients`);
    await askChromadb(server, "DELETE", `${path}/default_database/collections/products-l2`);
    await askChromadb(server, "POST", `${path}/default_database/collections`, { name: "newcomer" });
    await askChromadb(server, "POST", path, { name: "newcomers" });
  });
  expect(backup.manifest).toMatchObject({ status: "partial", empty: false });
  expect(backup.manifest.incomplete.toSorted()).toEqual([
    'collection "newcomer" of default_tenant/default_database was created during the backup',
    'collection "old_clients" of default_tenant/archive.2 was dropped during the backup',
    'collection "products-l2" of default_tenant/default_database was dropped during the backup',
    "database default_tenant/newcomers was created during the backup",
  ]);
});
