import { setTimeout as sleep } from "node:timers/promises";
import { compareFingerprints, Secret, type Fingerprint } from "@sutazai/backup-core";
import {
  askQdrant,
  changeQdrant,
  emptyQdrant,
  fillHostileQdrant,
  fillQdrant,
  startServer,
  type MemoryBackup,
  type ServerAddress,
} from "@sutazai/backup-testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { qdrantAdapter, type QdrantOptions } from "../../src/index.ts";
import { backUp, operate, restore } from "./operation.ts";
import { qdrantUnderTest, type QdrantUnderTest } from "./qdrant-under-test.ts";

describe("a server that is reached by its URL alone", () => {
  let server: QdrantUnderTest;
  let address: ServerAddress;
  beforeAll(async () => {
    server = await qdrantUnderTest();
    const { hostname, port } = new URL(server.url);
    address = { host: hostname, port: Number(port), user: "", password: server.apiKey };
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    await emptyQdrant(address);
    await fillQdrant(address, { points: 60 });
  });
  afterEach(async () => {
    expect(await snapshotsLeft()).toEqual([]);
  });

  const adapterWith = (options: QdrantOptions = {}) =>
    qdrantAdapter({ url: server.url, apiKey: server.apiKey, ...options });
  const ask = <Result>(method: string, path: string, body?: object) => askQdrant<Result>(address, method, path, body);
  const names = async () => {
    const { collections } = await ask<{ collections: { name: string }[] }>("GET", "/collections");
    return collections.map(({ name }) => name).sort();
  };
  const aliases = async () => {
    const { aliases } = await ask<{ aliases: { alias_name: string; collection_name: string }[] }>("GET", "/aliases");
    return Object.fromEntries(aliases.map(({ alias_name, collection_name }) => [alias_name, collection_name]));
  };
  const live = (form = "scroll"): Promise<Fingerprint> => {
    const adapter = adapterWith();
    return operate(adapter, (context) => adapter.fingerprint(context, form));
  };
  const snapshotsLeft = async () => {
    const left = await Promise.all(
      (await names()).map((name) =>
        ask<{ name: string }[]>("GET", `/collections/${encodeURIComponent(name)}/snapshots`),
      ),
    );
    return left.flat();
  };

  test.each(["snapshot", "scroll"] as const)(
    "every shape comes back from the form %s, over another content, and its undoing leaves that",
    async (form) => {
      const adapter = adapterWith({ forms: ["snapshot", "scroll"], exact: true });
      const before = await live();
      const backup = await backUp(adapter);
      await changeQdrant(address);
      const changed = await live();
      const { evidence } = await restore(adapter, backup, { form }, "undo");
      expect(evidence.join()).toMatch(/neighbours of \d+ stored vectors/);
      expect(compareFingerprints(changed, await live())).toEqual([]);
      await restore(adapter, backup, { form });
      expect(compareFingerprints(before, await live())).toEqual([]);
    },
  );

  test("an export keeps every digit of what a double cannot hold", async () => {
    await emptyQdrant(address);
    await fillHostileQdrant(address);
    const adapter = adapterWith({ forms: ["scroll"] });
    const backup = await backUp(adapter);
    const text = backup.artifacts.get("collections/-rf.jsonl")?.toString("utf8") ?? "";
    for (const number of ["18446744073709551615", "9007199254740993", "9223372036854775807", '"float":4.0']) {
      expect(text).toContain(number);
    }
    const before = await live();
    await emptyQdrant(address);
    await restore(adapter, backup, { form: "scroll" });
    expect(compareFingerprints(before, await live())).toEqual([]);
  });

  test("what the backup does not have is left alone, unless `exact` says otherwise", async () => {
    const backup = await backUp(adapterWith());
    await changeQdrant(address);
    await restore(adapterWith(), backup);
    expect(await names()).toContain("made since");
    expect(await aliases()).toEqual({
      latest: "articles",
      prod_articles: "articles",
      shop: "products",
      since: "articles",
    });
    const plan = (exact: boolean) =>
      operate(adapterWith(), (context) =>
        adapterWith().planRestore(context, backup.manifest, {
          form: "snapshot",
          method: "upload",
          only: undefined,
          exact,
        }),
      );
    expect((await plan(false)).steps.join()).not.toContain("made since");
    expect((await plan(true)).steps).toContainEqual(expect.stringMatching(/^remove collections "made since"/));
    await restore(adapterWith(), backup, { exact: true });
    expect(await names()).not.toContain("made since");
    expect(await aliases()).toEqual({ latest: "articles", prod_articles: "articles", shop: "products" });
  });

  test("one collection can be restored alone", async () => {
    const backup = await backUp(adapterWith());
    await changeQdrant(address);
    const before = await live();
    const facts = await restore(adapterWith({ exact: true }), backup, { only: "products" });
    expect(
      Object.keys(facts.fingerprint).every((fact) => fact.startsWith("collection:products/") || fact === "alias:shop"),
    ).toBe(true);
    const changes = compareFingerprints(before, await live()).map(({ fact }) => fact);
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.filter((fact) => !fact.startsWith("collection:products/") && fact !== "alias:shop")).toEqual([]);
  });

  test("an alias that is called as a collection of the backup makes room for it, and comes back when that is undone", async () => {
    const backup = await backUp(adapterWith());
    await ask("DELETE", "/collections/articles");
    await ask("POST", "/collections/aliases", {
      actions: [{ create_alias: { alias_name: "articles", collection_name: "products" } }],
    });
    const before = await live();
    await restore(adapterWith(), backup, {}, "undo");
    expect(compareFingerprints(before, await live())).toEqual([]);
    await restore(adapterWith(), backup);
    expect(await names()).toContain("articles");
    expect(await aliases()).not.toHaveProperty("articles");
  });

  test.each([false, true])(
    "a collection that is called as an alias of the backup is refused before anything is touched (exact: %s)",
    async (exact) => {
      const backup = await backUp(adapterWith());
      await ask("DELETE", "/collections/articles");
      await ask("PUT", "/collections/latest", { vectors: { size: 2, distance: "Dot" } });
      const before = await live();
      await expect(restore(adapterWith({ exact }), backup)).rejects.toMatchObject({
        reason: "unsupported",
        message: expect.stringContaining("latest") as string,
      });
      expect(compareFingerprints(before, await live())).toEqual([]);
    },
  );

  test("collections dropped and created during a backup make it partial", async () => {
    let happened = false;
    const backup = await backUp(adapterWith(), async () => {
      if (happened) return;
      happened = true;
      await ask("DELETE", "/collections/products");
      await ask("PUT", "/collections/newcomer", { vectors: { size: 2, distance: "Dot" } });
      await ask("DELETE", "/collections/passages");
      await ask("PUT", "/collections/passages", { vectors: { size: 2, distance: "Dot" } });
    });
    expect(backup.manifest).toMatchObject({ status: "partial", empty: false });
    expect(backup.manifest.incomplete).toEqual([
      'collection "products" was dropped during the backup',
      'collection "passages" was dropped and made anew during the backup',
      'collection "newcomer" was created during the backup, and is not in it',
    ]);
    expect([...backup.artifacts.keys()]).not.toContain("collections/products.snapshot");
    await restore(adapterWith({ exact: true }), backup);
    expect(await names()).not.toContain("newcomer");
  });

  test("under writers, counts are bounds and the content is not claimed, and the backup can be restored", async () => {
    const writing = new AbortController();
    const pairOf = (pair: number) =>
      [2 * pair, 2 * pair + 1].map((id) => ({ id, vector: [1, 2, id % 7], payload: { pair } }));
    let written = 0;
    const writer = (async () => {
      for (; !writing.signal.aborted; written++) {
        await ask("PUT", "/collections/empty/points?wait=true", { points: pairOf(written) });
      }
    })();
    let backup: MemoryBackup;
    try {
      while (written < 5) await sleep(10);
      backup = await backUp(adapterWith());
    } finally {
      writing.abort();
      await writer;
    }
    const [form] = backup.manifest.forms;
    expect(form?.fingerprint["collection:empty/content"]).toHaveProperty("absent");
    expect(form?.fingerprint["collection:empty/points"]).not.toHaveProperty("exact");
    expect(form?.fingerprint["collection:articles/content"]).toHaveProperty("exact");
    await restore(adapterWith(), backup);
    const { points } = await ask<{ points: { id: number; payload: { pair: number } }[] }>(
      "POST",
      "/collections/empty/points/scroll",
      { limit: 2 * written, with_payload: true },
    );
    const whole = Array.from({ length: points.length / 2 }, (_, pair) => pairOf(pair)).flat();
    expect(points.map(({ id, payload }) => ({ id, payload }))).toEqual(
      whole.map(({ id, payload }) => ({ id, payload })),
    );
    // It was taken while they were written: some, and not all.
    expect(points.length).toBeGreaterThanOrEqual(10);
    expect(points.length).toBeLessThan(2 * written);
  });

  test("without `contentDigest`, the points are counted and not read", async () => {
    const adapter = adapterWith({ contentDigest: false });
    const backup = await backUp(adapter);
    const fingerprint = backup.manifest.forms[0]?.fingerprint ?? {};
    expect(fingerprint["collection:articles/content"]).toHaveProperty("absent");
    expect(fingerprint["collection:articles/points"]).toEqual({ exact: 30 });
    await emptyQdrant(address);
    await restore(adapter, backup);
    expect(await names()).toContain("articles");
  });

  test("a snapshot of the user's own stays, and one that a dead process asked for goes", async () => {
    const adapter = adapterWith();
    const path = "/collections/articles/snapshots";
    const users = await ask<{ name: string }>("POST", `${path}?wait=true`);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await operate(
      adapter,
      async ({ journal }) => {
        await journal.record({
          part: adapter.name,
          action: "make-snapshot",
          data: { collection: "articles", known: [users.name], at: new Date().toISOString(), withinRestore: false },
        });
        await ask("POST", `${path}?wait=true`);
      },
      "undo",
    );
    await backUp(adapter);
    expect((await snapshotsLeft()).map(({ name }) => name)).toEqual([users.name]);
    await ask("DELETE", `${path}/${users.name}`);
  });

  test.each([
    ["1.18.5", "an older minor version", "allowed"],
    ["1.20.0", "a newer minor version", "allowed"],
    ["1.19.99", "a later patch", "allowed"],
    ["2.19.0", "a newer major version", "incompatible-version"],
  ])(
    "a snapshot of %s, %s, is refused with both versions named; its export is %s",
    async (serverVersion, _, expected) => {
      const adapter = adapterWith({ forms: ["snapshot", "scroll"] });
      const backup = await backUp(adapter);
      const { version } = await operate(adapter, (context) => adapter.probe(context));
      const plan = (form: string) =>
        operate(adapter, (context) =>
          adapter.planRestore(
            context,
            { ...backup.manifest, serverVersion },
            { form, method: "upload", only: undefined },
          ),
        );
      await expect(plan("snapshot")).rejects.toMatchObject({
        reason: "incompatible-version",
        message: expect.stringContaining(`of Qdrant ${serverVersion}, the server is ${version}`) as string,
        hint: expect.stringContaining("scroll") as string,
      });
      const verdict = await plan("scroll").then(
        () => "allowed",
        (error: { reason: string }) => error.reason,
      );
      expect(verdict).toBe(expected);
    },
  );

  test("a wrong key is `authentication`", async () => {
    const adapter = adapterWith({ apiKey: new Secret("wrong") });
    await expect(operate(adapter, (context) => adapter.probe(context))).rejects.toMatchObject({
      reason: "authentication",
    });
  });
});

test("the key is found in the container's environment", async () => {
  await using server = await startServer("qdrant");
  const adapter = qdrantAdapter({ container: server.name });
  const probe = await operate(adapter, (context) => adapter.probe(context));
  expect(probe).toMatchObject({ resource: server.id, version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string });
});

test("one node of a distributed deployment is refused, with the reason", async () => {
  await using server = await startServer("qdrant", {
    arguments: ["--uri", "http://127.0.0.1:6335"],
    environment: { QDRANT__CLUSTER__ENABLED: "true" },
  });
  const adapter = qdrantAdapter({ container: server.name, apiKey: server.password });
  await expect(operate(adapter, (context) => adapter.probe(context))).rejects.toMatchObject({
    reason: "unsupported",
    message: expect.stringContaining("distributed") as string,
  });
});
