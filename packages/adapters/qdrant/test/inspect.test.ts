import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Bytes, Json } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { qdrantAdapter } from "../src/index.ts";

const fixtures = new URL("../../../../tests/fixtures/qdrant/bodies/", import.meta.url);
const articles = readFileSync(new URL("articles.snapshot", fixtures));
const products = readFileSync(new URL("products.snapshot", fixtures));
const adapter = qdrantAdapter({ url: "http://127.0.0.1:1" });

async function* inChunks(content: Buffer, size: number): Bytes {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

function inspect(artifact: string, content: Buffer, details: Json = null, chunk: number = 4_099) {
  return adapter.inspectArtifact(artifact, inChunks(content, chunk), { details, signal: new AbortController().signal });
}

/** Details that know an artifact's digest, as a backup's do. */
function detailsOf(artifact: string, content: Buffer): Json {
  return { collections: [], aliases: {}, digests: { [artifact]: createHash("sha256").update(content).digest("hex") } };
}

function corruptAt(offset: unknown = expect.any(Number)) {
  return expect.objectContaining({ reason: "corrupt", details: expect.objectContaining({ offset }) }) as unknown;
}

describe("snapshots of a real server", () => {
  test("say how their collections are made up", async () => {
    const { facts } = await inspect("collections/articles.snapshot", articles);
    expect(facts).toMatchObject({
      "collection:articles/config/params": {
        exact: `{"on_disk_payload":true,"replication_factor":1,"shard_number":1,"vectors":{"distance":"Cosine","size":8},"write_consistency_factor":1}`,
      },
      "collection:articles/config/metadata": { exact: `{"owner":"search","schema":3}` },
      "collection:articles/payload-indexes": {
        exact: `{"lang":{"type":"keyword"},"year":{"lookup":true,"range":true,"type":"integer"}}`,
      },
    });
    const other = await inspect("collections/products.snapshot", products);
    expect(Object.keys(other.facts)).toContain("collection:products/config/params");
    expect(other.facts["collection:products/payload-indexes"]).toEqual({ exact: "{}" });
  });

  test.each([1, 511, 512, 513, 65_536, 1_000_000])("are read the same in chunks of %d bytes", async (chunk) => {
    const whole = await inspect("collections/products.snapshot", products);
    await expect(inspect("collections/products.snapshot", products, null, chunk)).resolves.toEqual(whole);
  });

  test("cut off at any block, and around it, are refused with the byte at which they end", async () => {
    for (let length = 0; length < products.length; length += 512) {
      for (const cut of [length, length + 1, length + 511].filter((at) => at < products.length)) {
        await expect(inspect("collections/products.snapshot", products.subarray(0, cut))).rejects.toEqual(
          corruptAt(cut),
        );
      }
    }
  });

  test("with a flipped bit in a header, or in what is JSON, are refused or say something else", async () => {
    const { facts } = await inspect("collections/articles.snapshot", articles);
    // The second outer member, the first inner one, a sparse one's map, and config.json.
    for (const offset of [108_544 + 124, 512 + 10, 217_088 + 386 + 5, 234_496 + 150, 237_568 + 512 + 40]) {
      const flipped = Buffer.from(articles);
      flipped.writeUInt8(flipped.readUInt8(offset) ^ 1, offset);
      const verdict = await inspect("collections/articles.snapshot", flipped).catch((error: unknown) => error);
      expect([
        corruptAt(),
        expect.objectContaining({ facts: expect.not.objectContaining(facts) as unknown }),
      ]).toContainEqual(verdict);
    }
  });

  test("with any flipped bit are refused where the backup's digest is known", async () => {
    const artifact = "collections/articles.snapshot";
    const details = detailsOf(artifact, articles);
    await expect(inspect(artifact, articles, details)).resolves.toBeDefined();
    for (let offset = 7; offset < articles.length; offset += 9_973) {
      const flipped = Buffer.from(articles);
      flipped.writeUInt8(flipped.readUInt8(offset) ^ 0x10, offset);
      await expect(inspect(artifact, flipped, details)).rejects.toMatchObject({ reason: "corrupt" });
    }
  });

  test("with something behind their end are refused", async () => {
    const longer = Buffer.concat([articles, Buffer.from("more")]);
    await expect(inspect("collections/articles.snapshot", longer)).rejects.toEqual(corruptAt(articles.length));
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("hello".repeat(1_000))],
    ["an empty tar", Buffer.alloc(10_240)],
  ])("%s is no snapshot", async (_, content) => {
    await expect(inspect("collections/a.snapshot", content)).rejects.toEqual(corruptAt());
  });
});

describe("exports", () => {
  const artifact = "collections/a.jsonl";
  const lines = [
    '{"id":1,"payload":{"a":1.5},"vector":[0.5,-0.25]}',
    '{"id":18446744073709551615,"payload":{},"vector":{"text":[1,2],"bm25":{"indices":[7,2],"values":[0.5,1.25]}}}',
    '{"id":"00000000-0000-4000-8000-000000000001","payload":{"line":"a\\nb"},"vector":[[1,2],[3,4]]}',
  ];
  const head = '{"collection":"a","version":"1.19.0","config":{"params":{"vectors":{}}},"payload_schema":{}}';
  const text = (all: readonly string[], count: number = all.length) =>
    Buffer.from([head, ...all, `{"points":${count}}`].map((line) => `${line}\n`).join(""));
  const contentOf = async (all: readonly string[]) =>
    (await inspect(artifact, text(all))).facts["collection:a/content"];

  test("are counted and digested in any order", async () => {
    const { facts } = await inspect(artifact, text(lines), null, 13);
    expect(facts["collection:a/points"]).toEqual({ exact: 3 });
    expect(await contentOf(lines.toReversed())).toEqual(facts["collection:a/content"]);
    expect(await contentOf([...lines, lines[0] ?? ""])).not.toEqual(facts["collection:a/content"]);
  });

  test.each([
    ["an id beyond 2^53", "18446744073709551615", "18446744073709551614"],
    ["a number in a payload", "1.5", "1.25"],
    ["a component of a vector", "-0.25", "-0.250001"],
    ["a sparse index", "[7,2]", "[8,2]"],
    ["a vector's name", '"text"', '"next"'],
    ["the rows of a multivector", "[[1,2],[3,4]]", "[[1,2,3,4]]"],
  ])("show a change of %s", async (_, from, to) => {
    const changed = lines.map((line) => line.replace(from, to));
    expect(changed).not.toEqual(lines);
    expect(await contentOf(changed)).not.toEqual(await contentOf(lines));
  });

  test("do not show how a number is written, nor the order of keys and of sparse indices", async () => {
    const same = [
      '{"vector":[0.50,-2.5e-1],"payload":{"a":15e-1},"id":1}',
      '{"id":18446744073709551615,"payload":{},"vector":{"bm25":{"values":[1.25,0.5],"indices":[2,7]},"text":[1,2.0]}}',
      lines[2] ?? "",
    ];
    expect(await contentOf(same)).toEqual(await contentOf(lines));
  });

  test("cut off anywhere, also between two points, are refused", async () => {
    const whole = text(lines);
    for (let length = 0; length < whole.length; length++) {
      await expect(inspect(artifact, whole.subarray(0, length))).rejects.toEqual(corruptAt());
    }
  });

  test("that lost a point, or gained one, or are of another collection are refused", async () => {
    await expect(inspect(artifact, text(lines.slice(1), 3))).rejects.toEqual(corruptAt());
    await expect(inspect(artifact, text([...lines, ...lines], 3))).rejects.toEqual(corruptAt());
    await expect(inspect("collections/b.jsonl", text(lines))).rejects.toEqual(corruptAt());
  });

  test.each(["", "null", "7", "{}", '{"id":1,"vector":"x"}', '{"id":1,"vector":{"a":[[1],2]}}', '{"id":1'])(
    "refuse %j as a point",
    async (line) => {
      await expect(inspect(artifact, text([line]))).rejects.toMatchObject({ reason: "corrupt", details: { point: 1 } });
    },
  );
});

test("an artifact of another name is not found", async () => {
  await expect(inspect("cluster.sql", Buffer.from("x"))).rejects.toMatchObject({
    reason: "not-found",
    database: "qdrant",
  });
});

test.each(["", "[]", "{}", "{", '{"version":"1.19.0"}'])("%j is no inventory", async (text) => {
  await expect(inspect("collections.json", Buffer.from(text))).rejects.toEqual(corruptAt());
});
