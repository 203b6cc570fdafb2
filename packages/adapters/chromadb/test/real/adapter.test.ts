import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dockerRuntime } from "@sutazai/backup-containers";
import { Secret, type Fact } from "@sutazai/backup-core";
import {
  askChromadb,
  emptyChromadb,
  fillChromadb,
  mappedForWriting,
  startServer,
  type MemoryBackup,
  type TestServer,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chromadbAdapter } from "../../src/index.ts";
import { backUp, byImporting, byReplacing, operate, restore } from "./operation.ts";

const path = "/tenants/default_tenant/databases/default_database/collections";

let server: TestServer;
beforeAll(async () => {
  server = await startServer("chromadb");
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => emptyChromadb(server));

interface Records {
  readonly ids: string[];
  readonly embeddings: number[][];
  readonly documents: string[];
}

async function make(name: string, count: number, configuration: object = {}): Promise<string> {
  const { id } = await askChromadb<{ id: string }>(server, "POST", path, { name, configuration });
  for (let first = 0; first < count; first += 500) {
    const numbers = Array.from({ length: Math.min(500, count - first) }, (_, at) => first + at);
    await askChromadb(server, "POST", `${path}/${id}/add`, {
      ids: numbers.map((number) => `r${number}`),
      embeddings: numbers.map((number) => [number, Math.sin(number), 0.25]),
      documents: numbers.map((number) => `document ${number}`),
    });
  }
  return id;
}

async function everything(name: string): Promise<Records> {
  const { id } = await askChromadb<{ id: string }>(server, "GET", `${path}/${name}`);
  return askChromadb(server, "POST", `${path}/${id}/get`, { include: ["embeddings", "documents"] });
}

// Its data is copied ahead.
test("the server maps none of its data into memory to write to it", async () => {
  await make("saved", 3_000, { hnsw: { sync_threshold: 100 } });
  const mapped = await mappedForWriting(server);
  expect(mapped.filter((path) => path.startsWith("/data/"))).toEqual([]);
});

describe("while others write", () => {
  test("an export skips none of those that stay, though others are deleted", async () => {
    const id = await make("busy", 3_000);
    const url = `http://${server.host}:${server.port}`;
    const deleted = Array.from({ length: 50 }, (_, at) => `r${at}`);
    const backup = await backUp(chromadbAdapter({ url }), async (artifact) => {
      if (artifact.includes("busy")) await askChromadb(server, "POST", `${path}/${id}/delete`, { ids: deleted });
    });
    const text = backup.artifacts.get("collections/default_tenant/default_database/busy.jsonl")?.toString() ?? "";
    for (let number = 50; number < 3_000; number += 1) expect(text).toContain(`{"id":"r${number}",`);
  });

  test("both forms come back with every pair whole", async () => {
    // The two of a pair are written with one request, and so are in the queue together or not at all.
    const id = await make("pairs", 0, { hnsw: { space: "cosine", sync_threshold: 50 } });
    let isOver = false;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const writing = (async () => {
      for (let pair = 0; !isOver; pair += 1) {
        await askChromadb(server, "POST", `${path}/${id}/add`, {
          ids: [`left ${pair}`, `right ${pair}`],
          embeddings: [
            [pair, 1, 2],
            [pair, 1, 2],
          ],
          documents: [`pair ${pair}`, `pair ${pair}`],
        });
        if (pair === 60) begin();
      }
    })();
    const adapter = chromadbAdapter({ container: server.name });
    await Promise.race([begun, writing]);
    const backup = await backUp(adapter).finally(() => (isOver = true));
    await writing;
    expect(backup.manifest.incomplete).toEqual([]);
    const captured = backup.manifest.forms[0]?.fingerprint["collection:default_tenant/default_database/pairs/records"];
    const count = captured !== undefined && "exact" in captured ? Number(captured.exact) : 0;
    expect(count).toBeGreaterThan(120);
    expect(backup.manifest.forms[0]?.pausedMs).toBeGreaterThan(0);
    for (const way of [byReplacing, byImporting]) {
      const { evidence } = await restore(adapter, backup, way);
      expect(evidence.join()).toMatch(/restart/);
      await server.start();
      const { ids, embeddings, documents } = await everything("pairs");
      // What an export holds is not of the same moment.
      expect(ids.length).toBeGreaterThanOrEqual(count);
      const at = new Map(ids.map((name, index) => [name, index]));
      for (const [name, index] of at) {
        const other = at.get(name.replace(/left|right/, (side) => (side === "left" ? "right" : "left")));
        expect(other, name).toBeDefined();
        expect(documents[other ?? -1]).toBe(documents[index]);
        expect(embeddings[other ?? -1]?.map((number) => number.toFixed(3))).toEqual(
          embeddings[index]?.map((number) => number.toFixed(3)),
        );
      }
    }
  });
});

describe("torn vectors", () => {
  test.each([
    ["a missing header", "rm $(ls */header.bin)"],
    ["a cut file", "for file in */data_level0.bin; do truncate -s -4096 $file; truncate -s 1000 $file; done"],
    ["a missing directory", "rm -r *-*"],
  ])("%s is found by a backup, though the server counts the records", async (_, damage) => {
    const id = await make("torn", 1_500);
    await askChromadb(server, "POST", `${path}/${id}/get`, { include: ["embeddings"], limit: 1 });
    await server.exec(["sh", "-c", `cd /data && ${damage}`]);
    expect(await askChromadb(server, "GET", `${path}/${id}/count`)).toBe(1_500);
    await expect(backUp(chromadbAdapter({ container: server.name }))).rejects.toMatchObject({ reason: "corrupt" });
  });
});

describe("a server that does not start", () => {
  const stateOf = async () => (await dockerRuntime().inspect(server.name)).state;

  async function breakIt(): Promise<MemoryBackup> {
    await make("kept", 20);
    const backup = await backUp(chromadbAdapter({ container: server.name }));
    await server.exec(["sh", "-c", "printf broken | dd of=/data/chroma.sqlite3 conv=notrunc"]);
    await server.stop();
    return backup;
  }

  test("is restored on its files, and runs again", async () => {
    const backup = await breakIt();
    const adapter = chromadbAdapter({ container: server.name });
    const newer = { ...backup.manifest, serverVersion: "1.0.0 (chroma 99.0.0)" };
    await expect(operate(adapter, (context) => adapter.planRestore(context, newer, byReplacing))).rejects.toMatchObject(
      { reason: "incompatible-version" },
    );
    const { evidence } = await restore(adapter, backup, byReplacing);
    expect(evidence.join()).toMatch(/read through the server, and again after a restart/);
    expect(await stateOf()).toBe("running");
    await server.start();
    const { ids, documents } = await everything("kept");
    expect(ids.toSorted()).toEqual(Array.from({ length: 20 }, (_, at) => `r${at}`).toSorted());
    expect(documents).toHaveLength(20);
  });

  test("is left as it was, stopped, where that is undone", async ({ skip }) => {
    if (process.env["BACKUP_TEST_FULL"] !== "1") skip("takes half a minute: only with BACKUP_TEST_FULL=1");
    const backup = await breakIt();
    const adapter = chromadbAdapter({ container: server.name });
    await restore(adapter, backup, byReplacing, false);
    expect(await stateOf()).toBe("exited");
    await expect(restore(adapter, backup, byImporting)).rejects.toMatchObject({ reason: "connection" });
    await restore(adapter, backup, byReplacing);
    await server.start();
    expect((await everything("kept")).ids).toHaveLength(20);
  });
});

describe("what is beside the backup", () => {
  test("is left alone by an import, and removed where that is wanted", async () => {
    await make("kept", 10);
    const url = `http://${server.host}:${server.port}`;
    const backup = await backUp(chromadbAdapter({ url }));
    await make("since", 10);
    const names = async () =>
      (await askChromadb<{ name: string }[]>(server, "GET", path)).map(({ name }) => name).sort();
    await restore(chromadbAdapter({ url }), backup, byImporting);
    expect(await names()).toEqual(["kept", "since"]);
    await restore(chromadbAdapter({ url, exact: true }), backup, byImporting, false);
    expect(await names()).toEqual(["kept", "since"]);
    await restore(chromadbAdapter({ url }), backup, { ...byImporting, exact: true });
    expect(await names()).toEqual(["kept"]);
  });

  test("lists that a deleted collection has left behind do not get into restored records", async () => {
    const url = `http://${server.host}:${server.port}`;
    const tags = (count: number) => Array.from({ length: count }, (_, at) => ({ tags: [`t${at}`, "x"] }));
    const { id } = await askChromadb<{ id: string }>(server, "POST", path, { name: "lists" });
    const embeddings = Array.from({ length: 20 }, (_, at) => [at, 1]);
    const ids = embeddings.map((_, at) => `r${at}`);
    const metadatas = tags(20).map((metadata, at) => (at % 2 === 0 ? metadata : null));
    await askChromadb(server, "POST", `${path}/${id}/add`, { ids, embeddings, metadatas });
    const backup = await backUp(chromadbAdapter({ url }));
    await askChromadb(server, "DELETE", `${path}/lists`);
    const other = await askChromadb<{ id: string }>(server, "POST", path, { name: "ghosts" });
    await askChromadb(server, "POST", `${path}/${other.id}/add`, { ids, embeddings, metadatas: tags(20) });
    await askChromadb(server, "DELETE", `${path}/ghosts`);
    const facts = await restore(chromadbAdapter({ url }), backup, byImporting);
    expect(facts.fingerprint).toEqual(facts.expected);
  });
});

describe("behind a proxy that asks for credentials", () => {
  let proxy: Server;
  let url: string;
  const basic = `Basic ${Buffer.from("ünï:p:w").toString("base64")}`;
  beforeAll(async () => {
    proxy = createServer((incoming, outgoing) => {
      const { authorization, "x-chroma-token": token } = incoming.headers;
      if (authorization !== "Bearer right" && authorization !== basic && token !== "right") {
        outgoing.writeHead(401).end("who are you?");
        return;
      }
      const { host, port } = server;
      const onward = request(
        { host, port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host } },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => void proxy.close());

  test.each([
    ["a bearer token", { token: new Secret("right") }],
    ["a token of its own header", { token: new Secret("right"), tokenHeader: "X-Chroma-Token" }],
    ["a user and a password", { user: "ünï", password: new Secret("p:w") }],
  ])("%s lets us in", async (_, credentials) => {
    await make("asked", 5);
    const backup = await backUp(chromadbAdapter({ url, ...credentials }));
    expect(backup.manifest.status).toBe("ok");
  });

  test.each([
    ["none", {}],
    ["a wrong token", { token: new Secret("wrong-secret") }],
    ["a wrong password", { user: "ünï", password: new Secret("wrong-secret") }],
  ])("%s is `authentication`, and not shown", async (_, credentials) => {
    const adapter = chromadbAdapter({ url, ...credentials });
    const error: unknown = await operate(adapter, (context) => adapter.probe(context)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      reason: "authentication",
      database: "chromadb",
      hint: expect.stringMatching(/token/),
    });
    expect(JSON.stringify(error)).not.toContain("wrong-secret");
  });
});

test("what is no Chroma server is told", async () => {
  const other = createServer((_, answer) => answer.end("hello"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const adapter = chromadbAdapter({ url: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
  await expect(operate(adapter, (context) => adapter.probe(context))).rejects.toMatchObject({ reason: "unsupported" });
  other.close();
});

test("three collections of 20,000 records in two tenants", async ({ skip }) => {
  if (process.env["BACKUP_TEST_FULL"] !== "1") skip("takes minutes: only with BACKUP_TEST_FULL=1");
  const count = (facts: Readonly<Record<string, Fact>> = {}) =>
    Object.entries(facts).flatMap(([name, fact]) =>
      name.endsWith("/records") && "exact" in fact ? [Number(fact.exact)] : [],
    );
  // Half of them, a fifth and a quarter: at least 20,000 in each of the three.
  await fillChromadb(server, { records: 100_000 });
  const adapter = chromadbAdapter({ container: server.name });
  const backup = await backUp(adapter);
  for (const { fingerprint } of backup.manifest.forms) {
    expect(count(fingerprint).filter((records) => records >= 19_000)).toHaveLength(3);
  }
  await emptyChromadb(server);
  for (const way of [byReplacing, byImporting]) {
    const facts = await restore(adapter, backup, way);
    expect(count(facts.fingerprint)).toEqual(count(facts.expected));
    await server.start();
  }
});
